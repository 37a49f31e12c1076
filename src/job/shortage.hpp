// SPDX-License-Identifier: BSD-3-Clause
// Finds threads that compete for too few cores.
#pragma once

#include <cstddef>
#include <vector>

namespace tidemark::job {

/// A set of claims that together have fewer units than claims.
struct Shortage {
  std::vector<std::size_t> claims;  ///< indices in the list of claims, ascending
  std::vector<int> units;           ///< all units that any of them could take, ascending
  bool operator==(const Shortage&) const = default;
};

/// The shortages that prevent that each claim gets a separate unit; empty if there are none. A
/// claim lists the units that it could take, ascending. A claim without units is ignored.
///
/// By Hall's theorem each claim can get a separate unit unless some set of claims has too few
/// units. A largest matching by augmenting paths finds such sets: they are reachable from a claim
/// without a unit. No claim and no unit is in two of the shortages.
std::vector<Shortage> find_shortages(const std::vector<std::vector<int>>& claims);

}  // namespace tidemark::job
