// SPDX-License-Identifier: BSD-3-Clause
// How many steps run before the clock starts.
#include "bench/case/warm_up.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "comm/wrappers/self.hpp"
#include "support/passing_communicator.hpp"

namespace tidemark::bench {
namespace {

struct Taken {
  WarmUp result;
  std::vector<std::string> announced;
  std::int64_t steps = 0;
};

Taken taken(std::int64_t warmup, double seconds, comm::Communicator& communicator,
            std::chrono::milliseconds step = {}, bool verify = false) {
  config::BenchConfig bench;
  bench.verify = verify;
  bench.warmup = warmup;
  bench.min_warmup_seconds = seconds;
  Taken taken;
  taken.result = warm_up(
      bench, communicator, [&](const std::string& what) { taken.announced.push_back(what); },
      [&] {
        ++taken.steps;
        std::this_thread::sleep_for(step);
      });
  EXPECT_EQ(taken.steps, taken.result.steps);
  EXPECT_EQ(static_cast<std::int64_t>(taken.announced.size()), taken.steps);
  return taken;
}

TEST(WarmUp, TakesTheStepsThatWereAskedFor) {
  comm::SelfCommunicator self;
  EXPECT_EQ(taken(3, 0.0, self).announced,
            (std::vector<std::string>{"warm-up 1/3", "warm-up 2/3", "warm-up 3/3"}));
}

TEST(WarmUp, LeavesOneToTheStepThatIsCheckedButTakesOneItself) {
  comm::SelfCommunicator self;
  EXPECT_EQ(taken(3, 0.0, self, {}, true).steps, 2);
  EXPECT_EQ(taken(1, 0.0, self, {}, true).steps, 1);
  EXPECT_EQ(taken(0, 0.0, self, {}, true).steps, 1);
}

TEST(WarmUp, OfNoneTakesTheOneThatSetsUp) {
  comm::SelfCommunicator self;
  EXPECT_EQ(taken(0, 0.0, self).announced, (std::vector<std::string>{"warm-up 1/1"}));
}

TEST(WarmUp, GoesOnUntilTheTimeHasPassed) {
  comm::SelfCommunicator self;
  const Taken long_enough = taken(1, 0.05, self, std::chrono::milliseconds(10));
  EXPECT_GE(long_enough.result.seconds, 0.05);
  EXPECT_GE(long_enough.steps, 2);
  EXPECT_LE(long_enough.steps, 5);
  EXPECT_EQ(long_enough.announced.at(1), "warm-up 2, 0 s of 0.05");
}

/// From the third reading on, the clock of the slowest rank is an hour ahead.
class Slow final : public support::PassingCommunicator {
 public:
  using PassingCommunicator::PassingCommunicator;
  void max_over_ranks(std::span<double> values) override {
    if (++asked_ >= 3) values[0] += 3600.0;
  }

 private:
  int asked_ = 0;
};

// A rank that used its own clock would leave the others waiting in a collective.
TEST(WarmUp, EndsByTheClockOfTheSlowestRank) {
  comm::SelfCommunicator self;
  Slow slow(self);
  const Taken ended = taken(1, 1000.0, slow);
  EXPECT_EQ(ended.steps, 3);
  EXPECT_GE(ended.result.seconds, 3600.0);
}

}  // namespace
}  // namespace tidemark::bench
