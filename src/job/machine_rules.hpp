// SPDX-License-Identifier: BSD-3-Clause
// More rules for the ranks of one machine: limits, devices, NUMA nodes.
#pragma once

#include <vector>

#include "job/placement.hpp"

namespace tidemark::job {

/// Adds a problem if threads exceed the processor time of their control group.
void judge_limits(const std::vector<int>& ranks, Placement& placement);

/// Adds a problem if ranks share a device. The UUID identifies a device, and slices of a device
/// (MIG) have separate UUIDs. If it is unknown, the place on the bus is used.
void judge_devices(const std::vector<int>& ranks, Placement& placement);

/// Adds a remark if threads may run on several NUMA nodes, although one has cores for all threads
/// of a rank. Adds a remark if a device is attached to another node than that of its rank's
/// threads.
void judge_numa(const std::vector<int>& ranks, Placement& placement);

}  // namespace tidemark::job
