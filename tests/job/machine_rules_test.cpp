// SPDX-License-Identifier: BSD-3-Clause
// Limits, devices and NUMA nodes, as judge() of a whole placement names them.
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

Place limited(const std::string& host, double cores, std::uint64_t group,
              const std::vector<std::string>& threads) {
  Place place = place_on(host, cpus_of_machine(8), "0-7", threads);
  place.cpu_limit = CpuLimit{cores, "/sys/fs/cgroup/pod", group};
  return place;
}

Place with_device(const std::string& host, const std::string& uuid, const std::string& pci_id) {
  Place place = place_on(host, cpus_of_machine(8), "0-7", {"0-7"});
  place.devices = 2;
  place.device_uuid = uuid;
  place.device_pci_id = pci_id;
  return place;
}

TEST(Limits, AThreadWithLessThanACoreIsAProblem) {
  EXPECT_EQ(
      judge({limited("a", 0.5, 7, {"0-7"})}, {}).problems,
      Lines{"rank 0 of a: 1 thread, but the control group /sys/fs/cgroup/pod is limited to the "
            "time of 0.5 cores"});
}

TEST(Limits, RanksOfOneGroupShareIts) {
  const Lines one{"0-7"};
  EXPECT_EQ(judge({limited("a", 2.0, 7, one), limited("a", 2.0, 7, one)}, {}).problems, Lines{});
  EXPECT_EQ(
      judge({limited("a", 1.0, 7, one), limited("a", 1.0, 7, one)}, {}).problems,
      Lines{"ranks 0-1 of a: 2 threads, but the control group /sys/fs/cgroup/pod is limited to "
            "the time of 1 core"});
}

TEST(Limits, OfOtherGroupsAndMachinesAreTheirOwn) {
  const Lines one{"0-7"};
  EXPECT_EQ(judge({limited("a", 1.0, 7, one), limited("a", 1.0, 8, one)}, {}).problems, Lines{});
  EXPECT_EQ(judge({limited("a", 1.0, 7, one), limited("b", 1.0, 7, one)}, {}).problems, Lines{});
}

TEST(Devices, ThatRanksShareAreAProblem) {
  EXPECT_EQ(judge({with_device("a", "GPU-1", "0000:1b:00.0"), with_device("a", "GPU-2", ""),
                   with_device("a", "GPU-1", "0000:1b:00.0")},
                  {})
                .problems,
            Lines{"ranks 0,2 of a: they share the device GPU-1"});
  EXPECT_EQ(judge({with_device("a", "", "0000:1b:00.0"), with_device("a", "", "0000:1b:00.0")}, {})
                .problems,
            Lines{"ranks 0-1 of a: they share the device 0000:1b:00.0"});
}

TEST(Devices, OfAnotherMachineOrSlicesOfOneAreNotShared) {
  EXPECT_EQ(judge({with_device("a", "", "0000:1b:00.0"), with_device("b", "", "0000:1b:00.0"),
                   with_device("a", "MIG-1", "0000:1b:00.0"),
                   with_device("a", "MIG-2", "0000:1b:00.0"), with_device("a", "", "")},
                  {})
                .problems,
            Lines{});
}

TEST(Numa, ThreadsThatMayLeaveANodeWithCoresForAllAreARemark) {
  const auto cpus = cpus_of_machine(4, 1, 2);
  const Placement found =
      judge({place_on("a", cpus, "0-3", {"0-3", "0-3"}), place_on("a", cpus, "0-1", {"0"})}, {});
  EXPECT_EQ(found.problems, Lines{});
  EXPECT_EQ(found.remarks, Lines{"rank 0 of a: threads may run on several NUMA nodes, though one "
                                 "has cores for all threads of a rank: their memory may be far"});
}

TEST(Numa, ThreadsThatNoNodeHasCoresForAreNoRemark) {
  const Place place = place_on("a", cpus_of_machine(4, 1, 2), "0-3", {"0", "1", "2"});
  EXPECT_EQ(judge({place}, {}).remarks, Lines{});
}

TEST(Numa, OneNodeIsNoRemark) {
  EXPECT_EQ(judge({place_on("a", cpus_of_machine(4), "0-3", {"0-3"})}, {}).remarks, Lines{});
}

TEST(Numa, ADeviceThatIsAttachedElsewhereIsARemark) {
  Place place = place_on("a", cpus_of_machine(4, 1, 2), "0-1", {"0-1"});
  place.devices = 1;
  place.device_pci_id = "0000:1b:00.0";
  place.device_numa_node = 0;
  EXPECT_EQ(judge({place}, {}).remarks, Lines{});
  const Lines expected{
      "rank 0 of a: its device 0000:1b:00.0 is attached to NUMA node 1, its threads "
      "run on 0"};
  place.device_numa_node = 1;
  EXPECT_EQ(judge({place}, {}).remarks, expected);
  place.cpus = {{0, 0, 0}, {1, 1, 0}};  // the job may use only one node
  EXPECT_EQ(judge({place}, {}).remarks, expected);
}

}  // namespace
}  // namespace tidemark::job
