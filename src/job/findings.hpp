// SPDX-License-Identifier: BSD-3-Clause
// Texts that findings on a placement share.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "job/place.hpp"
#include "job/ranks_text.hpp"

namespace tidemark::job {

/// "1 thread", "2 threads".
std::string counted(std::size_t count, const std::string& word);

/// "ranks 0-1 of node7".
std::string who(const std::vector<Place>& places, const std::vector<int>& ranks);

std::vector<int> sorted(const std::set<int>& numbers);

inline const Place& place_of(const std::vector<Place>& places, int rank) {
  return places[static_cast<std::size_t>(rank)];
}

}  // namespace tidemark::job
