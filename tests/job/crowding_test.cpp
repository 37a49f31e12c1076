// SPDX-License-Identifier: BSD-3-Clause
// Threads that crowd on cores, as judge() of a whole placement names them.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "job/placement.hpp"
#include "job/places.hpp"

namespace tidemark::job {
namespace {

using testing::cpus_of_machine;
using testing::place_on;

using Lines = std::vector<std::string>;

TEST(Crowding, RanksOnCoresOfTheirOwnAreNone) {
  const auto cpus = cpus_of_machine(4);
  const Placement found =
      judge({place_on("a", cpus, "0-1", {"0-1", "0-1"}), place_on("a", cpus, "2-3", {"2", "3"})},
            {{0, 1}});
  EXPECT_EQ(found.problems, Lines{});
  EXPECT_EQ(found.remarks, Lines{});
  EXPECT_EQ(found.places.size(), 2U);
  EXPECT_EQ(placement_lines(found), "");
}

// With OMP_PROC_BIND=spread OMP_PLACES=threads, libgomp binds the first thread of each rank to the
// first core that it finds.
TEST(Crowding, RanksThatOpenMPBindsToOneCoreAreAProblem) {
  const Place place = place_on("a", cpus_of_machine(4), "0-3", {"0"});
  EXPECT_EQ(judge({place, place}, {{0, 1}}).problems,
            Lines{"ranks 0-1 of a: 2 threads can only run on core 0: OpenMP binds threads of ranks "
                  "that share their cores; set OMP_PROC_BIND=false, or have the launcher give each "
                  "rank cores of its own"});
}

TEST(Crowding, RanksThatTheLauncherBindsToOneCoreAreAProblem) {
  const Place place = place_on("a", cpus_of_machine(4), "0", {"0"});
  EXPECT_EQ(
      judge({place, place}, {{0, 1}}).problems,
      Lines{"ranks 0-1 of a: 2 threads can only run on core 0: the launcher bound them there, "
            "3 other cores have none of the job's threads"});
}

TEST(Crowding, OfSeveralRanksOnlyThoseThatCrowdAreNamed) {
  const auto cpus = cpus_of_machine(4);
  const Placement found = judge({place_on("a", cpus, "0", {"0"}), place_on("a", cpus, "1", {"1"}),
                                 place_on("a", cpus, "0", {"0"}), place_on("b", cpus, "0", {"0"})},
                                {});
  EXPECT_EQ(
      found.problems,
      Lines{"ranks 0,2 of a: 2 threads can only run on core 0: the launcher bound them there, "
            "2 other cores have none of the job's threads"});
}

TEST(Crowding, ThreadsBeyondTheCoresOfARankAreAProblem) {
  const Place place = place_on("a", cpus_of_machine(2), "0-1", {"0-1", "0-1", "0-1"});
  EXPECT_EQ(judge({place}, {{0}}).problems,
            Lines{"rank 0 of a: 3 threads can only run on the 2 cores 0-1: fewer threads "
                  "(OMP_NUM_THREADS), or more cores per rank"});
}

TEST(Crowding, MoreRanksThanCoresAreAProblem) {
  const Place place = place_on("a", cpus_of_machine(2), "0-1", {"0-1"});
  EXPECT_EQ(
      judge({place, place, place}, {}).problems,
      Lines{"ranks 0-2 of a: 3 threads can only run on the 2 cores 0-1: fewer ranks or threads "
            "(OMP_NUM_THREADS)"});
}

TEST(Crowding, ARankThatOpenMPBindsToFewerCoresThanItHasIsAProblem) {
  const Place place = place_on("a", cpus_of_machine(4), "0-3", {"0", "0"});
  EXPECT_EQ(judge({place}, {}).problems,
            Lines{"rank 0 of a: 2 threads can only run on core 0: OpenMP binds them to less than "
                  "what the launcher gave the rank"});
}

TEST(Crowding, ThreadsThatCanGiveWayAreNone) {
  const auto cpus = cpus_of_machine(3);
  EXPECT_EQ(judge({place_on("a", cpus, "0-2", {"0-1", "0", "1-2"})}, {}).problems, Lines{});
}

TEST(Crowding, WhatIsNotKnownOfThreadsIsNoProblem) {
  const Place place = place_on("a", cpus_of_machine(1), "0", {});
  EXPECT_EQ(judge({place, place}, {}).problems, Lines{});
}

// 2 cores: one with hardware threads 0 and 2, one with 1 and 3.
TEST(Crowding, HardwareThreadsOfACoreBesideIdleCoresAreAProblem) {
  const Placement found = judge({place_on("a", cpus_of_machine(2, 2), "0,2", {"0"}),
                                 place_on("a", cpus_of_machine(2, 2), "0,2", {"2"})},
                                {});
  EXPECT_EQ(found.problems,
            Lines{"ranks 0-1 of a: 2 threads run as hardware threads 0,2 of 1 core, while 1 other "
                  "core has none of the job's: bind by core, not by hardware thread"});
  EXPECT_EQ(found.remarks, Lines{});
}

TEST(Crowding, HardwareThreadsOfACoreWithoutIdleCoresAreARemark) {
  const Placement found =
      judge({place_on("a", cpus_of_machine(2, 2), "0-3", {"0-3", "0-3", "0-3"})}, {});
  EXPECT_EQ(found.problems, Lines{});
  EXPECT_EQ(found.remarks, Lines{"rank 0 of a: 3 threads run as hardware threads 0-3 of 2 cores, "
                                 "whose arithmetic they share"});
}

TEST(Crowding, OneHardwareThreadOfEachCoreIsNone) {
  const auto cpus = cpus_of_machine(2, 2);
  const Placement found =
      judge({place_on("a", cpus, "0,2", {"0"}), place_on("a", cpus, "1,3", {"3"})}, {});
  EXPECT_EQ(found.problems, Lines{});
  EXPECT_EQ(found.remarks, Lines{});
}

TEST(Crowding, ThreadsOnOneHardwareThreadAreNamedAsThat) {
  const Place place = place_on("a", cpus_of_machine(2, 2), "0-3", {"2"});
  const Placement found = judge({place, place}, {});
  ASSERT_EQ(found.problems.size(), 1U);
  EXPECT_EQ(
      found.problems[0].rfind("ranks 0-1 of a: 2 threads can only run on hardware thread 2:", 0),
      0U)
      << found.problems[0];
  EXPECT_EQ(found.remarks, Lines{});  // they are not also named for their core
}

TEST(Crowding, ContainersOfOneMachineAreJudgedTogether) {
  Place first = place_on("pod1", cpus_of_machine(2), "0", {"0"});
  Place second = place_on("pod2", cpus_of_machine(2), "0", {"0"});
  EXPECT_EQ(judge({first, second}, {}).problems, Lines{});
  second.machine = first.machine;
  EXPECT_EQ(judge({first, second}, {}).problems,
            Lines{"ranks 0-1 of pod1, pod2: 2 threads can only run on core 0: the launcher bound "
                  "them there, 1 other core has none of the job's threads"});
}

TEST(Crowding, ManyCrowdsOfAMachineAreOneLine) {
  std::vector<Place> places;
  for (int rank = 0; rank < 12; ++rank) {
    const std::string core = std::to_string(rank / 2);
    places.push_back(place_on("a", cpus_of_machine(6), core, {core}));
  }
  EXPECT_EQ(judge(places, {}).problems,
            Lines{"ranks 0-11 of a: 12 threads can only run on the 6 cores 0-5: fewer ranks or "
                  "threads (OMP_NUM_THREADS)"});
  places.resize(8);  // four crowds, each of which is named
  EXPECT_EQ(judge(places, {}).problems.size(), 4U);
}

}  // namespace
}  // namespace tidemark::job
