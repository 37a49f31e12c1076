// What else can be wrong with the ranks of one machine: limits, devices, NUMA nodes.
#pragma once

#include <vector>

#include "job/placement.hpp"

namespace tidemark::job {

/// A problem for threads that outnumber the processor time of their control group.
void judge_limits(const std::vector<int>& ranks, Placement& placement);

/// A problem for ranks that share a device. Devices are the same by their UUID; slices of one (MIG)
/// have UUIDs of their own. Where it is unknown, by the place on the bus.
void judge_devices(const std::vector<int>& ranks, Placement& placement);

/// A remark for threads that may run on several NUMA nodes though one has cores for all of their
/// rank's, and for a device that is attached to another node than its rank's threads run on.
void judge_numa(const std::vector<int>& ranks, Placement& placement);

}  // namespace tidemark::job
