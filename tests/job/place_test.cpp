// SPDX-License-Identifier: BSD-3-Clause
#include "job/place.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "job/places.hpp"

namespace tidemark::job {
namespace {

using testing::cpus_of_machine;
using testing::place_on;

std::vector<int> shares(const std::vector<Place>& places) {
  std::vector<int> found;
  for (std::size_t rank = 0; rank < places.size(); ++rank) {
    found.push_back(share_of_cores(places, rank));
  }
  return found;
}

TEST(Place, ComesThroughAsBytes) {
  Place place = place_on("a", cpus_of_machine(4, 2, 2), "0-3", {"0", "1-2"});
  EXPECT_EQ(place_in(bytes_of(place)), place);
  EXPECT_EQ(place_in(bytes_of(Place{})), Place{});
  place.cpu_limit = CpuLimit{0.5, "/sys/fs/cgroup/pod", 18446744073709551615U};
  place.devices = 8;
  place.device_uuid = "GPU-1";
  place.device_pci_id = "0000:1b:00.0";
  place.device_numa_node = 1;
  EXPECT_EQ(place_in(bytes_of(place)), place);
}

TEST(Place, ComesThroughWithAHostWhoseNameIsNoText) {
  Place place;
  place.host = std::string("gr\xf6sse\0x", 8);
  EXPECT_EQ(place_in(bytes_of(place)), place);
}

TEST(Place, OfThisProcessIsWhatTheLauncherGave) {
  const Place place = own_place("here");
  EXPECT_EQ(place.host, "here");
  EXPECT_EQ(place.cores, cpus_at_start());
  EXPECT_TRUE(place.threads.empty());
  EXPECT_EQ(place.devices, std::nullopt);
  EXPECT_GE(place.cpus.size(), place.cores.size());
  EXPECT_GE(place.physical_cores(), 1);
}

TEST(Place, NumaNodesAreThoseOfItsThreadsOrElseOfItsCores) {
  Place place = place_on("a", cpus_of_machine(8, 1, 4), "0-3", {});
  EXPECT_EQ(place.numa_nodes(), (std::vector<int>{0, 1}));
  place.threads = {{2}, {3, 6}};
  EXPECT_EQ(place.numa_nodes(), (std::vector<int>{1, 3}));
  EXPECT_TRUE(Place{}.numa_nodes().empty());
}

TEST(Place, PhysicalCoresCountHardwareThreadsOnce) {
  EXPECT_EQ(place_on("a", cpus_of_machine(4, 2), "0,4", {}).physical_cores(), 1);
  EXPECT_EQ(place_on("a", cpus_of_machine(4, 2), "0-3", {}).physical_cores(), 4);
  EXPECT_EQ(place_on("a", cpus_of_machine(4, 2), "0-7", {}).physical_cores(), 4);
}

TEST(ShareOfCores, IsAllThatTheLauncherGaveARankAlone) {
  const auto cpus = cpus_of_machine(4);
  EXPECT_EQ(shares({place_on("a", cpus, "0-2", {})}), std::vector<int>{3});
  EXPECT_EQ(shares({place_on("a", cpus, "0-1", {}), place_on("a", cpus, "2", {})}),
            (std::vector<int>{2, 1}));
}

TEST(ShareOfCores, CountsPhysicalCores) {
  EXPECT_EQ(shares({place_on("a", cpus_of_machine(4, 2), "0-7", {})}), std::vector<int>{4});
  // Two ranks on two hardware threads of one core.
  const auto cpus = cpus_of_machine(4, 2);
  EXPECT_EQ(shares({place_on("a", cpus, "0", {}), place_on("a", cpus, "4", {})}),
            (std::vector<int>{1, 1}));
}

TEST(ShareOfCores, RanksThatWereGivenTheSameCoresShareThem) {
  const auto cpus = cpus_of_machine(12);
  const Place all = place_on("a", cpus, "0-11", {});
  EXPECT_EQ(shares({all, all}), (std::vector<int>{6, 6}));
  EXPECT_EQ(shares({all, all, all}), (std::vector<int>{4, 4, 4}));
  EXPECT_EQ(shares(std::vector<Place>(5, all)), (std::vector<int>{2, 2, 2, 2, 2}));
  EXPECT_EQ(shares(std::vector<Place>(24, all)), std::vector<int>(24, 1));
  EXPECT_EQ(shares({all, place_on("b", cpus, "0-11", {})}), (std::vector<int>{12, 12}));
  // Both get half of the four cores that they share. The first one also gets the two that only it
  // may use.
  EXPECT_EQ(shares({place_on("a", cpus, "0-5", {}), place_on("a", cpus, "2-5", {})}),
            (std::vector<int>{4, 2}));
}

TEST(ShareOfCores, IsNoMoreThanTheTimeOfTheControlGroup) {
  Place place = place_on("a", cpus_of_machine(8), "0-7", {});
  place.cpu_limit = CpuLimit{2.5, "/pod", 7};
  EXPECT_EQ(shares({place}), std::vector<int>{2});
  place.cpu_limit->cores = 0.5;
  EXPECT_EQ(shares({place}), std::vector<int>{1});
  place.cpu_limit->cores = 100.0;
  EXPECT_EQ(shares({place}), std::vector<int>{8});
}

TEST(ShareOfCores, RanksOfOneControlGroupShareItsTime) {
  Place place = place_on("a", cpus_of_machine(16), "0-15", {});
  place.cpu_limit = CpuLimit{4.0, "/sys/fs/cgroup", 7};
  Place beside = place;
  EXPECT_EQ(shares({place, beside}), (std::vector<int>{2, 2}));
  beside.cpu_limit->id = 8;  // another container with the same path inside
  EXPECT_EQ(shares({place, beside}), (std::vector<int>{4, 4}));
  beside = place;
  beside.machine = "another";
  EXPECT_EQ(shares({place, beside}), (std::vector<int>{4, 4}));
}

TEST(ShareOfCores, IsAThreadWhereTheSystemSaysNothing) {
  EXPECT_EQ(shares({Place{}, Place{}}), (std::vector<int>{1, 1}));
}

}  // namespace
}  // namespace tidemark::job
