// SPDX-License-Identifier: BSD-3-Clause
#include "job/shortage.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tidemark::job {
namespace {

using Claims = std::vector<std::vector<int>>;

std::string text(const Claims& claims) {
  std::string words;
  for (const auto& claim : claims) {
    words += " {";
    for (const int unit : claim) words += " " + std::to_string(unit);
    words += " }";
  }
  return words;
}

/// The largest difference, over all sets of claims, between their number and the units that they
/// could take (Hall; Ore for the number). At least so many claims get nothing in any assignment.
/// Tries all sets.
int deficiency(const Claims& claims) {
  int worst = 0;
  for (unsigned set = 0; set < 1U << claims.size(); ++set) {
    std::set<int> units;
    int members = 0;
    for (std::size_t claim = 0; claim < claims.size(); ++claim) {
      if ((set >> claim & 1U) == 0 || claims[claim].empty()) continue;
      units.insert(claims[claim].begin(), claims[claim].end());
      ++members;
    }
    worst = std::max(worst, members - static_cast<int>(units.size()));
  }
  return worst;
}

/// The claims without those in a shortage. What they could take is without the units in a shortage.
Claims without(Claims claims, const std::vector<Shortage>& shortages) {
  for (const Shortage& shortage : shortages) {
    for (const std::size_t claim : shortage.claims) claims[claim].clear();
  }
  for (const Shortage& shortage : shortages) {
    for (auto& claim : claims) {
      std::vector<int> left;
      std::set_difference(claim.begin(), claim.end(), shortage.units.begin(), shortage.units.end(),
                          std::back_inserter(left));
      claim = left;
    }
  }
  return claims;
}

void expect_shortage_is_one(const Claims& claims, const Shortage& shortage) {
  std::set<int> units;
  for (const std::size_t claim : shortage.claims) {
    EXPECT_FALSE(claims[claim].empty());
    units.insert(claims[claim].begin(), claims[claim].end());
  }
  EXPECT_EQ(shortage.units, std::vector<int>(units.begin(), units.end()));
  EXPECT_GT(shortage.claims.size(), shortage.units.size());
  EXPECT_TRUE(std::is_sorted(shortage.claims.begin(), shortage.claims.end()));
}

TEST(Shortages, AreNoneWhereEachClaimCanHaveAUnit) {
  EXPECT_TRUE(find_shortages({}).empty());
  EXPECT_TRUE(find_shortages({{}, {}}).empty());
  EXPECT_TRUE(find_shortages({{0}, {1}}).empty());
  EXPECT_TRUE(find_shortages({{0, 1}, {0}}).empty());  // the first claim has to take the other unit
  EXPECT_TRUE(find_shortages({{0, 1}, {1, 2}, {0}, {2, 3}}).empty());
}

TEST(Shortages, NameTheClaimsAndTheirUnits) {
  EXPECT_EQ(find_shortages({{0}, {0}}), (std::vector<Shortage>{{{0, 1}, {0}}}));
  EXPECT_EQ(find_shortages({{0, 1}, {0, 1}, {0, 1}, {2}}),
            (std::vector<Shortage>{{{0, 1, 2}, {0, 1}}}));
  EXPECT_EQ(find_shortages({{0}, {1}, {0}, {1}, {2}}),
            (std::vector<Shortage>{{{0, 2}, {0}}, {{1, 3}, {1}}}));
}

TEST(Shortages, LeaveOutWhoHasAnotherChoice) {
  EXPECT_EQ(find_shortages({{0, 1}, {0}, {0}}), (std::vector<Shortage>{{{1, 2}, {0}}}));
}

TEST(Shortages, ThatMeetBecomeOne) {
  // {0} for two claims, and {0, 1} for three more.
  const Claims claims{{0}, {0}, {0, 1}, {0, 1}, {0, 1}};
  EXPECT_EQ(find_shortages(claims), (std::vector<Shortage>{{{0, 1, 2, 3, 4}, {0, 1}}}));
}

TEST(Shortages, AreThoseOfHallsTheorem) {
  std::mt19937 random(7);
  for (int trial = 0; trial < 3000; ++trial) {
    const auto below = [&](unsigned bound) { return static_cast<int>(random() % bound); };
    const int units = 1 + below(6);
    const int likely = 1 + below(4);
    Claims claims(static_cast<std::size_t>(below(9)));
    for (auto& claim : claims) {
      for (int unit = 0; unit < units; ++unit) {
        if (below(4) < likely) claim.push_back(unit);
      }
    }
    SCOPED_TRACE(text(claims));
    const auto shortages = find_shortages(claims);
    int lacking = 0;
    std::set<std::size_t> claims_seen;
    std::set<int> units_seen;
    for (const Shortage& shortage : shortages) {
      expect_shortage_is_one(claims, shortage);
      lacking += static_cast<int>(shortage.claims.size() - shortage.units.size());
      for (const std::size_t claim : shortage.claims) EXPECT_TRUE(claims_seen.insert(claim).second);
      for (const int unit : shortage.units) EXPECT_TRUE(units_seen.insert(unit).second);
    }
    EXPECT_EQ(lacking, deficiency(claims));
    EXPECT_EQ(deficiency(without(claims, shortages)), 0);
    if (::testing::Test::HasFailure()) return;
  }
}

// A large node on which all threads may run everywhere.
TEST(Shortages, OfManyThreadsAreFoundAtOnce) {
  std::vector<int> all(512);
  for (int unit = 0; unit < 512; ++unit) all[static_cast<std::size_t>(unit)] = unit;
  EXPECT_TRUE(find_shortages(Claims(512, all)).empty());
  const auto shortages = find_shortages(Claims(1024, all));
  ASSERT_EQ(shortages.size(), 1U);
  EXPECT_EQ(shortages[0].claims.size(), 1024U);
}

}  // namespace
}  // namespace tidemark::job
