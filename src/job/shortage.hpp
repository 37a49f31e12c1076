// Which threads compete for too few cores.
#pragma once

#include <cstddef>
#include <vector>

namespace tidemark::job {

/// Claims that have fewer units to choose from, all of them together, than they are.
struct Shortage {
  std::vector<std::size_t> claims;  ///< places in the list of claims, ascending
  std::vector<int> units;           ///< all that any of them could take, ascending
  bool operator==(const Shortage&) const = default;
};

/// What is in the way of giving each claim a unit of its own; empty where nothing is. A claim lists
/// the units that it could take, ascending; one that lists none is left out.
///
/// By Hall's theorem each claim gets a unit of its own unless some set of claims has too few units
/// between them. A largest matching (augmenting paths) finds such sets: they are what can be
/// reached from a claim that got nothing. No claim and no unit stands in two of them.
std::vector<Shortage> find_shortages(const std::vector<std::vector<int>>& claims);

}  // namespace tidemark::job
