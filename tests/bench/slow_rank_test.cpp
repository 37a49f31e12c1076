// SPDX-License-Identifier: BSD-3-Clause
#include "bench/step/slow_rank.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/stopwatch.hpp"
#include "comm/wrappers/self.hpp"
#include "config/refusal.hpp"

namespace tidemark::bench {
namespace {

std::optional<SlowRank> asked_for(const char* text) {
  setenv("TIDEMARK_TEST_SLOW_RANK", text, 1);
  comm::SelfCommunicator communicator;
  const auto slow = slow_rank_of_environment(communicator);
  return slow;
}

TEST(SlowRank, IsReadFromTheEnvironment) {
  const auto slow = asked_for("0:0.25");
  ASSERT_TRUE(slow.has_value());
  EXPECT_EQ(slow->rank, 0);
  EXPECT_EQ(slow->share, 0.25);
  EXPECT_FALSE(asked_for("").has_value());
  for (const char* wrong : {"1:0.2", "0", "0:", "0:x", "0:-1", "0:0.2s", "-1:0.2", ":0.2", "0:0"}) {
    EXPECT_EQ(config::testing::refusal([&] { return asked_for(wrong); }),
              std::string("TIDEMARK_TEST_SLOW_RANK=") + wrong +
                  ": expected RANK:SHARE with a rank from 0 to 0 and a share of a step up to 100, "
                  "such as 1:0.2");
  }
  unsetenv("TIDEMARK_TEST_SLOW_RANK");
}

double pressed_seconds(Brake& brake) {
  const Stopwatch watch;
  brake.press();
  return watch.seconds();
}

TEST(Brake, SleepsForAShareOfTheStepWithoutTheSleep) {
  Brake brake(SlowRank{1, 0.5}, 1);
  EXPECT_LT(pressed_seconds(brake), 0.01);  // no step is known yet
  brake.learn(0.04);
  const double first = pressed_seconds(brake);
  EXPECT_GE(first, 0.02);
  brake.learn(0.04 + first);  // what the next step takes, including the sleep
  const double second = pressed_seconds(brake);
  EXPECT_GE(second, 0.02);
  EXPECT_LT(second, first + 0.02);
  Brake other(SlowRank{1, 0.5}, 0);
  other.learn(10.0);
  EXPECT_LT(pressed_seconds(other), 0.01);
}

}  // namespace
}  // namespace tidemark::bench
