// SPDX-License-Identifier: BSD-3-Clause
#include "base/stream_clock.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "doubles/compute.hpp"

namespace tidemark {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Other programs use the machine, too. The times that are compared are much longer.
constexpr Clock::duration slack = milliseconds(40);
constexpr milliseconds nap{200};

TEST(StreamClock, PutsMomentsOfAStreamOnTheHostsClock) {
  const doubles::Compute compute;
  StreamClock clock;
  Clock::time_point first;
  Clock::time_point second;
  compute.sleep(nap);
  compute.launch([&] { first = Clock::now(); });
  const StreamClock::Mark first_mark = clock.mark(compute.stream());
  compute.sleep(nap);
  compute.launch([&] { second = Clock::now(); });
  const StreamClock::Mark second_mark = clock.mark(compute.stream());
  EXPECT_FALSE(clock.has_passed(second_mark));
  clock.await(second_mark);
  EXPECT_TRUE(clock.has_passed(first_mark));
  // The anchor may be before or after the moment whose time it gives.
  for (int anchors = 0; anchors < 2; ++anchors) {
    EXPECT_LT(std::chrono::abs(clock.time_of(first_mark) - first), slack);
    EXPECT_LT(std::chrono::abs(clock.time_of(second_mark) - second), slack);
    EXPECT_GE(clock.time_of(second_mark) - clock.time_of(first_mark), nap);
    clock.anchor();
  }
}

TEST(StreamClock, KeepsItsEventsForLaterMarks) {
  const doubles::Compute compute;
  StreamClock clock;
  const StreamClock::Mark mark = clock.mark(compute.stream());
  clock.release(mark);
  EXPECT_EQ(clock.mark(compute.stream()), mark);
  EXPECT_NE(clock.mark(compute.stream()), mark);
}

}  // namespace
}  // namespace tidemark
