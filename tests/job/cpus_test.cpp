// SPDX-License-Identifier: BSD-3-Clause
#include "job/cpus.hpp"

#include <sched.h>

#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace tidemark::job {
namespace {

TEST(Cpus, AreWrittenAsTheSystemWritesThem) {
  EXPECT_EQ(text_of({}), "");
  EXPECT_EQ(text_of({5}), "5");
  EXPECT_EQ(text_of({0, 1}), "0-1");
  EXPECT_EQ(text_of({0, 1, 2, 3, 8}), "0-3,8");
  EXPECT_EQ(text_of({0, 2, 4, 5}), "0,2,4-5");
}

TEST(Cpus, AreReadAsTheSystemWritesThem) {
  EXPECT_EQ(cpus_in("0-3,8\n"), (CpuList{0, 1, 2, 3, 8}));
  EXPECT_EQ(cpus_in("7"), CpuList{7});
  EXPECT_EQ(cpus_in(""), CpuList{});
  EXPECT_EQ(cpus_in("\n"), CpuList{});
}

TEST(Cpus, AreAscendingAndOnceEachInWhateverOrderTheyCome) {
  EXPECT_EQ(cpus_in("8,0-3,2-4"), (CpuList{0, 1, 2, 3, 4, 8}));
}

TEST(Cpus, WhatIsNoListGivesNone) {
  for (const char* const text : {"a", "0-", "-1", "3-1", "0,,1", "0;1", "0-1-2", "0 1",
                                 "0-99999999", "99999999999999999999", "0x1"}) {
    EXPECT_EQ(cpus_in(text), CpuList{}) << text;
  }
}

TEST(Cpus, EveryListSurvivesBothWays) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    CpuList cpus;
    for (int cpu = 0; cpu < 8; ++cpu) {
      if ((bits >> cpu & 1U) != 0) cpus.push_back(cpu);
    }
    EXPECT_EQ(cpus_in(text_of(cpus)), cpus) << text_of(cpus);
  }
}

TEST(Cpus, OfOneListWithinAnother) {
  EXPECT_TRUE(is_within({}, {}));
  EXPECT_TRUE(is_within({}, {1}));
  EXPECT_TRUE(is_within({1, 3}, {0, 1, 2, 3}));
  EXPECT_FALSE(is_within({1, 4}, {0, 1, 2, 3}));
  EXPECT_FALSE(is_within({1}, {}));
}

// What is bound later, for example by an OpenMP runtime, does not come from the launcher.
TEST(Cpus, OfAThreadAreItsOwnAndThoseAtTheStartStay) {
  const CpuList at_start = cpus_at_start();
  ASSERT_FALSE(at_start.empty());
  const int first = at_start.front();
  CpuList bound;
  CpuList at_start_seen_there;
  std::thread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    bound = cpus_of_this_thread();
    at_start_seen_there = cpus_at_start();
  }).join();
  EXPECT_EQ(bound, CpuList{first});
  EXPECT_EQ(at_start_seen_there, at_start);
  EXPECT_TRUE(is_within(cpus_of_this_thread(), at_start));
}

}  // namespace
}  // namespace tidemark::job
