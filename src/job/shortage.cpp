// SPDX-License-Identifier: BSD-3-Clause
#include "job/shortage.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace tidemark::job {

namespace {

class Matching {
 public:
  explicit Matching(const std::vector<std::vector<int>>& claims) : claims_(claims) {}

  /// Gives the claim a unit, and moves other claims to other units if needed. Returns false if this
  /// is impossible. Adds the units that it tried to `seen`.
  bool serve(std::size_t claim, std::set<int>& seen) {
    // A free unit first, so that no other claim has to move.
    for (const int unit : claims_[claim]) {
      if (!holder_.contains(unit)) {
        holder_[unit] = claim;
        return true;
      }
    }
    for (const int unit : claims_[claim]) {
      if (!seen.insert(unit).second) continue;
      if (serve(holder_.at(unit), seen)) {
        holder_[unit] = claim;
        return true;
      }
    }
    return false;
  }

 private:
  const std::vector<std::vector<int>>& claims_;
  std::map<int, std::size_t> holder_;  ///< per unit
};

/// The claims that could only be served from `units`.
Shortage shortage_of(const std::vector<std::vector<int>>& claims, const std::set<int>& units) {
  Shortage shortage;
  for (std::size_t claim = 0; claim < claims.size(); ++claim) {
    const auto& wanted = claims[claim];
    if (!wanted.empty() &&
        std::includes(units.begin(), units.end(), wanted.begin(), wanted.end())) {
      shortage.claims.push_back(claim);
    }
  }
  shortage.units.assign(units.begin(), units.end());
  return shortage;
}

}  // namespace

std::vector<Shortage> find_shortages(const std::vector<std::vector<int>>& claims) {
  std::vector<Shortage> found;
  std::set<std::size_t> reported;
  Matching matching(claims);
  for (std::size_t claim = 0; claim < claims.size(); ++claim) {
    std::set<int> units;
    if (claims[claim].empty() || reported.contains(claim) || matching.serve(claim, units)) continue;
    const auto is_part = [&](const Shortage& earlier) {
      return std::any_of(earlier.units.begin(), earlier.units.end(),
                         [&](int unit) { return units.contains(unit); });
    };
    std::set<int> all = units;
    for (const Shortage& earlier : found) {
      if (is_part(earlier)) all.insert(earlier.units.begin(), earlier.units.end());
    }
    found.erase(std::remove_if(found.begin(), found.end(), is_part), found.end());
    found.push_back(shortage_of(claims, all));
    reported.insert(found.back().claims.begin(), found.back().claims.end());
  }
  return found;
}

}  // namespace tidemark::job
