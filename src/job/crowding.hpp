// SPDX-License-Identifier: BSD-3-Clause
// Finds threads that have too few cores of a machine.
#pragma once

#include <vector>

#include "job/placement.hpp"

namespace tidemark::job {

/// Adds findings on where the threads of one machine's `ranks` may run. It is a problem if threads
/// have fewer hardware threads than they are. It is also a problem if threads share a core while
/// other cores are idle. If no core is idle, shared cores are a remark.
void judge_crowding(const std::vector<int>& ranks, Placement& placement);

}  // namespace tidemark::job
