// SPDX-License-Identifier: BSD-3-Clause
// Judges where the ranks of a job run.
#pragma once

#include <string>
#include <vector>

#include "job/place.hpp"

namespace tidemark::job {

/// All places of a job, and one line per finding.
struct Placement {
  std::vector<Place> places;          ///< by rank
  std::vector<std::string> problems;  ///< such a job's times do not measure the machine well
  std::vector<std::string> remarks;   ///< may be intended, but the user should know it
};

/// Compares the places of all ranks. docs/definitions/placement.md lists the rules. `groups` are
/// the ranks of each tensor group. A pure function, so all ranks get the same result.
Placement judge(std::vector<Place> places, const std::vector<std::vector<int>>& groups);

/// One line per problem and remark, at most the first few of each; "" if there are none.
std::string placement_lines(const Placement& placement);

}  // namespace tidemark::job
