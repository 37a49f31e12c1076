// SPDX-License-Identifier: BSD-3-Clause
// Checks whether the ranks of a tensor group, which exchange most data with each other, are on one
// node.
#pragma once

#include <vector>

#include "job/placement.hpp"

namespace tidemark::job {

/// Adds a remark for each group that crosses nodes. It is a problem if a node has room for the
/// whole group, in addition to groups that are completely on it. Room means devices, or on a host
/// cores for all threads.
void judge_groups(const std::vector<std::vector<int>>& groups, Placement& placement);

}  // namespace tidemark::job
