// Whether the ranks of a tensor group, which speak most with each other, stand on one node.
#pragma once

#include <vector>

#include "job/placement.hpp"

namespace tidemark::job {

/// A remark for each group that crosses nodes, and a problem where a node has room for all of it:
/// devices, or on a host cores for all of its threads, beside groups that stand there whole.
void judge_groups(const std::vector<std::vector<int>>& groups, Placement& placement);

}  // namespace tidemark::job
