// Threads that crowd on too few cores of a machine.
#pragma once

#include <vector>

#include "job/placement.hpp"

namespace tidemark::job {

/// Adds what is wrong with where the threads of one machine's `ranks` may run. Two threads that can
/// only run on one hardware thread, or on fewer than they are, are a problem; so are those that
/// share a core while others are idle. Where none is idle, shared cores are a remark.
void judge_crowding(const std::vector<int>& ranks, Placement& placement);

}  // namespace tidemark::job
