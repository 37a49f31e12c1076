// SPDX-License-Identifier: BSD-3-Clause
// The tide of a step as a series: every birth and death, class by class.
#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "memory/ledger.hpp"

namespace tidemark::memory {
namespace {

using Bytes = std::array<std::size_t, all_tensor_classes.size()>;

std::size_t sum_of(const LiveBytes& live) {
  return std::accumulate(live.bytes.begin(), live.bytes.end(), std::size_t{0});
}

std::size_t highest(const TideHistory& history) {
  std::size_t peak = 0;
  for (const LiveBytes& live : history.changes) peak = std::max(peak, sum_of(live));
  return peak;
}

std::vector<Bytes> bytes_of(const TideHistory& history) {
  std::vector<Bytes> bytes;
  for (const LiveBytes& live : history.changes) bytes.push_back(live.bytes);
  return bytes;
}

class History : public ::testing::Test {
 protected:
  Tensor<std::uint8_t> make(TensorClass tensor_class, std::int64_t bytes) {
    return ledger_.tensor<std::uint8_t>("x", 0, tensor_class, 1, bytes);
  }
  Pool pool_;
  Ledger ledger_{pool_};
};

// In the order of all_tensor_classes: saved, recomputed, transient, workspace.
TEST_F(History, FollowsEveryClassChangeByChange) {
  ledger_.begin_step();
  auto saved = make(TensorClass::saved, 100);
  auto again = make(TensorClass::recomputed, 20);
  auto scratch = make(TensorClass::workspace, 3);
  scratch.reset();
  again.reset();
  ledger_.mark_turn();
  auto passing = make(TensorClass::transient, 7);
  saved.reset();
  passing.reset();
  ledger_.end_step();

  const TideHistory history = ledger_.history();
  const std::vector<Bytes> expected{{100, 0, 0, 0},  {100, 20, 0, 0}, {100, 20, 0, 3},
                                    {100, 20, 0, 0}, {100, 0, 0, 0},  {100, 0, 7, 0},
                                    {0, 0, 7, 0},    {0, 0, 0, 0}};
  EXPECT_EQ(bytes_of(history), expected);
  EXPECT_EQ(history.turn, 5U);  // five changes came before it
}

TEST_F(History, ShowsAnUnfinishedStepAsFarAsItGot) {
  ledger_.begin_step();
  const auto alive = make(TensorClass::saved, 8);
  EXPECT_EQ(bytes_of(ledger_.history()), (std::vector<Bytes>{{8, 0, 0, 0}}));
  EXPECT_EQ(ledger_.history().turn, 0U);  // there was no turn yet
}

TEST_F(History, StartsAnewWithEveryStep) {
  for (const std::int64_t bytes : {50, 60}) {
    ledger_.begin_step();
    EXPECT_TRUE(ledger_.history().changes.empty());
    EXPECT_EQ(ledger_.history().turn, 0U);
    make(TensorClass::transient, bytes).reset();
    ledger_.mark_turn();
    ledger_.end_step();
    EXPECT_EQ(ledger_.history().changes.size(), 2U);
    EXPECT_EQ(ledger_.history().turn, 2U);
    EXPECT_EQ(highest(ledger_.history()), static_cast<std::size_t>(bytes));
    EXPECT_LT(ledger_.history().changes.back().seconds, 60.0);  // of this step, not of the process
  }
}

// The series and the tide are recorded in different ways, but must agree.
TEST_F(History, AgreesWithTheTideWhateverHappens) {
  std::mt19937 random(7);
  std::size_t changes = 0;
  std::size_t before_turn = 0;
  ledger_.begin_step();
  std::vector<Tensor<std::uint8_t>> live;
  for (int i = 0; i < 400; ++i, ++changes) {
    if (i == 250) {
      ledger_.mark_turn();
      before_turn = changes;
    }
    if (live.empty() || random() % 5 < 3) {
      live.push_back(make(all_tensor_classes[random() % 4], 1 + random() % 5000));
    } else {
      std::swap(live[random() % live.size()], live.back());
      live.pop_back();
    }
    EXPECT_EQ(sum_of(ledger_.history().changes.back()), ledger_.tide().live_bytes);
  }
  changes += live.size();
  live.clear();
  ledger_.end_step();

  const TideHistory history = ledger_.history();
  ASSERT_EQ(history.changes.size(), changes);
  EXPECT_EQ(history.turn, before_turn);
  EXPECT_EQ(highest(history), ledger_.tide().peak_bytes);
  EXPECT_EQ(sum_of(history.changes.back()), 0U);
  std::size_t at_turn = 0;
  for (const Entry& entry : ledger_.tide().at_turn) at_turn += entry.bytes;
  EXPECT_EQ(sum_of(history.changes[history.turn - 1]), at_turn);
  EXPECT_GE(history.changes.front().seconds, 0.0);
  EXPECT_TRUE(std::is_sorted(
      history.changes.begin(), history.changes.end(),
      [](const LiveBytes& one, const LiveBytes& other) { return one.seconds < other.seconds; }));
}

}  // namespace
}  // namespace tidemark::memory
