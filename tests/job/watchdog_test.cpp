// SPDX-License-Identifier: BSD-3-Clause
#include "job/watchdog.hpp"

#include <chrono>
#include <limits>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace tidemark::job {
namespace {

using namespace std::chrono_literals;
using Clock = Watchdog::Clock;

/// The process that dies starts a thread. So it must be a new run of this program, and not a fork,
/// which would lack the threads of this process. GoogleTest restores the flag after each test.
class WatchdogDeathTest : public ::testing::Test {
 protected:
  WatchdogDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(WatchdogDeathTest, OverdueCallEndsTheProcessWithOneLine) {
  EXPECT_EXIT(
      {
        Watchdog watchdog(50ms, 3);
        watchdog.set_context("step 3 of case 1");
        const Watchdog::Call call(watchdog, "all_reduce");
        std::this_thread::sleep_for(60s);
      },
      ::testing::ExitedWithCode(static_cast<int>(ExitStatus::failed)),
      "^all_reduce is overdue in step 3 of case 1 on rank 3: "
      "not complete after [0-9]+\\.[0-9] s \\(timeout 0\\.05 s\\)\n$");
}

TEST_F(WatchdogDeathTest, TheCallThatHangsIsNamedNotAnEarlierOne) {
  EXPECT_EXIT(
      {
        Watchdog watchdog(300ms, 0);
        for (int i = 0; i < 4; ++i) {
          const Watchdog::Call call(watchdog, "all_gather");
          std::this_thread::sleep_for(50ms);
        }
        const Watchdog::Call call(watchdog, "reduce_scatter");
        std::this_thread::sleep_for(60s);
      },
      ::testing::ExitedWithCode(static_cast<int>(ExitStatus::failed)),
      // Measured from the beginning of this call, so it is not less than the timeout.
      "^reduce_scatter is overdue in set-up on rank 0: not complete after ([1-9]|0\\.[3-9])");
}

TEST(Watchdog, ManyShortCallsTogetherMayLastLongerThanTheTimeout) {
  Watchdog watchdog(1s, 0);
  const auto start = Clock::now();
  int calls = 0;
  while (Clock::now() - start < 2500ms) {
    const Watchdog::Call call(watchdog, "all_reduce");
    std::this_thread::sleep_for(20ms);
    ++calls;
  }
  EXPECT_GT(calls, 1);  // and the process is alive
}

TEST(Watchdog, WaitsForeverWhileNoCallIsUnderWay) {
  Watchdog watchdog(100ms, 0);
  { const Watchdog::Call call(watchdog, "barrier"); }
  const auto start = Clock::now();
  std::this_thread::sleep_for(400ms);
  EXPECT_GT(Clock::now() - start, 300ms);  // and the process is alive
}

TEST(Watchdog, DestructionDoesNotWaitForTheTimeout) {
  const auto start = Clock::now();
  for (int i = 0; i < 20; ++i) {
    Watchdog watchdog(300s, 0);
    const Watchdog::Call call(watchdog, "barrier");
  }
  EXPECT_LT(Clock::now() - start, 60s);
}

TEST(Watchdog, TakesTimeoutsOfAnyLength) {
  Watchdog watchdog(std::chrono::duration<double>(1e300), 0);
  const Watchdog::Call call(watchdog, "barrier");
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(watchdog.context(), "set-up");
}

TEST(Watchdog, RefusesTimeoutsThatAreNotPositive) {
  EXPECT_THROW(Watchdog(0s, 0), BrokenInvariant);
  EXPECT_THROW(Watchdog(-1s, 0), BrokenInvariant);
  EXPECT_THROW(Watchdog(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN()), 0),
               BrokenInvariant);
}

TEST(Watchdog, ContextMayChangeDuringCalls) {
  Watchdog watchdog(10s, 0);
  for (int step = 0; step < 1000; ++step) {
    const Watchdog::Call call(watchdog, "all_gather");
    watchdog.set_context("step " + std::to_string(step));
  }
  EXPECT_EQ(watchdog.context(), "step 999");
}

}  // namespace
}  // namespace tidemark::job
