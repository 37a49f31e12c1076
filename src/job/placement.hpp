// What is wrong with where the ranks of a job stand.
#pragma once

#include <string>
#include <vector>

#include "job/place.hpp"

namespace tidemark::job {

/// All places of a job, and one line for each finding.
struct Placement {
  std::vector<Place> places;          ///< by rank
  std::vector<std::string> problems;  ///< times of such a job are no good measure of the machine
  std::vector<std::string> remarks;   ///< what the user may want, and should know
};

/// Compares the places of all ranks; docs/definitions/placement.md lists the rules. `groups` are
/// the ranks of each tensor group. Pure: all ranks find the same.
Placement judge(std::vector<Place> places, const std::vector<std::vector<int>>& groups);

/// A line for each problem and each remark, the first few of many; "" where there are none.
std::string placement_lines(const Placement& placement);

}  // namespace tidemark::job
