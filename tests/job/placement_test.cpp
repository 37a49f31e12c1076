// SPDX-License-Identifier: BSD-3-Clause
// Tensor groups, and what the user sees of a placement. crowding_test.cpp and
// machine_rules_test.cpp test the rules of a machine.
#include "job/placement.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "job/places.hpp"

namespace tidemark::job {
namespace {

using testing::cpus_of_machine;
using testing::place_on;

using Lines = std::vector<std::string>;

/// A rank of one thread that the launcher did not bind.
Place unbound(const std::string& host, int cores) {
  return place_on(host, cpus_of_machine(cores), text_of({0}), {"0-" + std::to_string(cores - 1)});
}

Place on_device(const std::string& host, int devices) {
  Place place = unbound(host, 64);
  place.devices = devices;
  return place;
}

TEST(TensorGroup, ThatCrossesNodesThoughOneHasCoresIsAProblem) {
  EXPECT_EQ(judge({unbound("a", 2), unbound("b", 2)}, {{0, 1}}).problems,
            Lines{"tensor group of ranks 0-1 crosses 2 nodes (rank 0 of a; rank 1 of b), though a "
                  "has cores for all of it"});
}

TEST(TensorGroup, ThatCrossesNodesOfWhichNoneHasCoresIsARemark) {
  const Placement found =
      judge({unbound("a", 2), unbound("a", 2), unbound("b", 2), unbound("b", 2)}, {{0, 1, 2, 3}});
  EXPECT_EQ(found.problems, Lines{});
  EXPECT_EQ(found.remarks,
            Lines{"tensor group of ranks 0-3 crosses 2 nodes (ranks 0-1 of a; ranks 2-3 of b)"});
}

TEST(TensorGroup, HasCoresForItsThreadsNotForItsRanks) {
  Place place = place_on("a", cpus_of_machine(3), "0-2", {"0-2", "0-2"});
  Place other = place_on("b", cpus_of_machine(3), "0-2", {"0-2", "0-2"});
  EXPECT_EQ(judge({place, other}, {{0, 1}}).problems, Lines{});
  place.cpus = cpus_of_machine(4);
  EXPECT_EQ(judge({place, other}, {{0, 1}}).problems.size(), 1U);
  place.cpus = cpus_of_machine(2, 2);  // four hardware threads are two cores
  EXPECT_EQ(judge({place, other}, {{0, 1}}).problems, Lines{});
}

TEST(TensorGroup, OnDevicesHasRoomWhereDevicesAre) {
  const std::vector<std::vector<int>> all{{0, 1, 2, 3}};
  EXPECT_EQ(judge({on_device("a", 2), on_device("a", 2), on_device("b", 2), on_device("b", 2)}, all)
                .problems,
            Lines{});
  EXPECT_EQ(
      judge({on_device("a", 2), on_device("a", 2), on_device("b", 8), on_device("b", 8)}, all)
          .problems,
      Lines{"tensor group of ranks 0-3 crosses 2 nodes (ranks 0-1 of a; ranks 2-3 of b), though "
            "b has devices for all of it"});
}

TEST(TensorGroup, ThatStandOnOneNodeAreFine) {
  const std::vector<Place> places{unbound("a", 2), unbound("a", 2), unbound("b", 2),
                                  unbound("b", 2)};
  const Placement found = judge(places, {{0, 1}, {2, 3}});
  EXPECT_EQ(found.problems, Lines{});
  EXPECT_EQ(found.remarks, Lines{});
  EXPECT_EQ(judge(places, {{0, 2}, {1, 3}}).problems.size(), 2U);  // the wrong way round
}

// Three nodes of four cores for four groups of three ranks. One group has to cross.
TEST(TensorGroup, RoomThatOtherGroupsFillIsNone) {
  std::vector<Place> places;
  for (int rank = 0; rank < 12; ++rank) {
    places.push_back(unbound(std::string(1, static_cast<char>('a' + rank % 3)), 4));
  }
  const Placement found = judge(places, {{0, 3, 6}, {1, 4, 7}, {2, 5, 8}, {9, 10, 11}});
  EXPECT_EQ(found.problems, Lines{});
  ASSERT_EQ(found.remarks.size(), 1U);
  EXPECT_EQ(found.remarks[0],
            "tensor group of ranks 9-11 crosses 3 nodes (rank 9 of a; rank 10 of b; rank 11 of c)");
}

TEST(TensorGroup, OnManyNodesNamesTheFirstFew) {
  std::vector<Place> places;
  std::vector<int> group;
  for (int rank = 0; rank < 6; ++rank) {
    places.push_back(unbound("n" + std::to_string(rank), 1));
    group.push_back(rank);
  }
  EXPECT_EQ(
      judge(places, {group}).remarks,
      Lines{"tensor group of ranks 0-5 crosses 6 nodes (rank 0 of n0; rank 1 of n1; rank 2 of "
            "n2; rank 3 of n3; ...)"});
}

TEST(TensorGroup, InContainersOfOneMachineCrossesNothing) {
  Place first = unbound("pod1", 4);
  Place second = unbound("pod2", 4);
  second.machine = first.machine;
  EXPECT_EQ(judge({first, second}, {{0, 1}}).problems, Lines{});
}

TEST(PlacementLines, ProblemsPrecedeRemarks) {
  EXPECT_EQ(placement_lines({{}, {"p"}, {"r", "s"}}),
            "Placement, problem: p\nPlacement: r\nPlacement: s\n");
  EXPECT_EQ(placement_lines({}), "");
}

TEST(PlacementLines, AreEightOfAKindAtMost) {
  const std::string eight = placement_lines({{}, Lines(8, "p"), {}});
  EXPECT_EQ(eight.find("more"), std::string::npos);
  const std::string nine = placement_lines({{}, Lines(9, "p"), Lines(20, "r")});
  EXPECT_EQ(nine.rfind(eight + "Placement, problem: 1 more, in the record\nPlacement: r\n", 0), 0U)
      << nine;
  EXPECT_TRUE(nine.ends_with("Placement: 12 more, in the record\n")) << nine;
}

}  // namespace
}  // namespace tidemark::job
