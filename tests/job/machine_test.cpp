// SPDX-License-Identifier: BSD-3-Clause
#include "job/machine.hpp"

#include <initializer_list>
#include <string>

#include <gtest/gtest.h>

#include "job/fake_system.hpp"

namespace tidemark::job {
namespace {

class MachineTest : public ::testing::Test {
 protected:
  void limits_are(double cores, const std::string& group) const {
    const auto limit = cpu_limit(system_.folders);
    ASSERT_TRUE(limit.has_value());
    EXPECT_DOUBLE_EQ(limit->cores, cores);
    EXPECT_EQ(limit->group, system_.sys_path(group));
  }

  testing::FakeSystem system_;
};

TEST_F(MachineTest, IsToldApartByItsBoot) {
  system_.proc("sys/kernel/random/boot_id", "cafe-1");
  EXPECT_EQ(machine_id(system_.folders), "cafe-1");
}

TEST_F(MachineTest, HasItsHostsNameWhereTheSystemSaysNothing) {
  EXPECT_FALSE(machine_id(system_.folders).empty());
  EXPECT_FALSE(machine_id().empty());
}

TEST_F(MachineTest, CpusHaveTheirCoreAndNode) {
  system_.sys("devices/system/cpu/cpu1/topology/thread_siblings_list", "1,5");
  system_.sys("devices/system/cpu/cpu5/topology/thread_siblings_list", "1,5");
  system_.sys("devices/system/cpu/cpu2/topology/thread_siblings_list", "2");
  system_.sys("devices/system/node/node0/cpulist", "0-1");
  system_.sys("devices/system/node/node12/cpulist", "2-5");
  system_.sys("devices/system/node/nodes", "no folder");
  system_.sys("devices/system/node/online", "0,12");
  EXPECT_EQ(describe({1, 2, 5}, system_.folders),
            (std::vector<Cpu>{{1, 1, 0}, {2, 2, 12}, {5, 1, 12}}));
}

TEST_F(MachineTest, ACpuOfWhichTheSystemSaysNothingIsACoreOfItsOwn) {
  EXPECT_EQ(describe({3, 4}, system_.folders), (std::vector<Cpu>{{3, 3, 0}, {4, 4, 0}}));
}

TEST_F(MachineTest, WithoutAGroupAllThatAreOnlineAreAvailable) {
  system_.sys("devices/system/cpu/online", "0-3");
  EXPECT_EQ(available_cpus(system_.folders), (CpuList{0, 1, 2, 3}));
  system_.proc("self/cgroup", "0::/job");
  EXPECT_EQ(available_cpus(system_.folders), (CpuList{0, 1, 2, 3}));
}

TEST_F(MachineTest, AGroupOfVersion2LeavesItsCpus) {
  system_.sys("devices/system/cpu/online", "0-3");
  system_.proc("self/cgroup", "0::/job/step");
  system_.sys("fs/cgroup/cpuset.cpus.effective", "0-3");
  system_.sys("fs/cgroup/job/cpuset.cpus.effective", "1-9");
  EXPECT_EQ(available_cpus(system_.folders), (CpuList{1, 2, 3}));
  system_.sys("fs/cgroup/job/step/cpuset.cpus.effective", "2");
  EXPECT_EQ(available_cpus(system_.folders), CpuList{2});
}

TEST_F(MachineTest, AGroupOfVersion1LeavesItsCpus) {
  system_.sys("devices/system/cpu/online", "0-7");
  system_.proc("self/cgroup", "3:cpuset:/job\n2:cpu,cpuacct:/other\n0::/");
  system_.sys("fs/cgroup/cpuset/job/cpuset.effective_cpus", "4-5");
  system_.sys("fs/cgroup/cpuset/other/cpuset.effective_cpus", "6");
  EXPECT_EQ(available_cpus(system_.folders), (CpuList{4, 5}));
}

TEST_F(MachineTest, TheStrictestLimitOfVersion2Counts) {
  system_.proc("self/cgroup", "0::/pod/rank");
  EXPECT_EQ(cpu_limit(system_.folders), std::nullopt);
  system_.sys("fs/cgroup/pod/rank/cpu.max", "max 100000");
  EXPECT_EQ(cpu_limit(system_.folders), std::nullopt);
  system_.sys("fs/cgroup/pod/cpu.max", "150000 100000");
  limits_are(1.5, "fs/cgroup/pod");
  system_.sys("fs/cgroup/pod/rank/cpu.max", "25000 50000");
  limits_are(0.5, "fs/cgroup/pod/rank");
  system_.sys("fs/cgroup/pod/cpu.max", "40000 100000");
  limits_are(0.4, "fs/cgroup/pod");
}

TEST_F(MachineTest, TheStrictestLimitOfVersion1Counts) {
  system_.proc("self/cgroup", "4:cpu,cpuacct:/pod/rank\n0::/elsewhere");
  const std::string pod = "fs/cgroup/cpu,cpuacct/pod";
  system_.sys(pod + "/rank/cpu.cfs_quota_us", "-1");
  system_.sys(pod + "/rank/cpu.cfs_period_us", "100000");
  EXPECT_EQ(cpu_limit(system_.folders), std::nullopt);
  system_.sys(pod + "/cpu.cfs_quota_us", "50000");
  system_.sys(pod + "/cpu.cfs_period_us", "100000");
  limits_are(0.5, pod);
}

// "cpu,cpuacct" may be mounted as "cpu".
TEST_F(MachineTest, ControllersOfVersion1MayBeMountedUnderOnesName) {
  system_.proc("self/cgroup", "4:cpu,cpuacct:/pod");
  system_.sys("fs/cgroup/cpu/pod/cpu.cfs_quota_us", "300000");
  system_.sys("fs/cgroup/cpu/pod/cpu.cfs_period_us", "100000");
  limits_are(3.0, "fs/cgroup/cpu/pod");
}

TEST_F(MachineTest, Version2MayStandBesideVersion1) {
  system_.proc("self/cgroup", "1:name=systemd:/\n0::/pod");
  system_.sys("fs/cgroup/unified/pod/cpu.max", "200000 100000");
  limits_are(2.0, "fs/cgroup/unified/pod");
}

// A container that shows only the root, with a path that is elsewhere.
TEST_F(MachineTest, APathThatIsNotShownLeavesTheRoot) {
  system_.proc("self/cgroup", "0::/kubepods/pod7/c3");
  system_.sys("fs/cgroup/cpu.max", "400000 100000");
  limits_are(4.0, "fs/cgroup");
  system_.proc("self/cgroup", "0::/../../outside");
  limits_are(4.0, "fs/cgroup");
}

TEST_F(MachineTest, WhatIsNoNumberIsNoLimit) {
  system_.proc("self/cgroup", "nonsense\n0::/\n");
  for (const char* const text : {"", "max", "50000", "50000 0", "0 100000", "-1 100000", "x y"}) {
    system_.sys("fs/cgroup/cpu.max", text);
    EXPECT_EQ(cpu_limit(system_.folders), std::nullopt) << text;
  }
}

TEST_F(MachineTest, GroupsThatHaveTheSamePathInTheirContainersDiffer) {
  const testing::FakeSystem other;
  for (const testing::FakeSystem* system :
       std::initializer_list<const testing::FakeSystem*>{&system_, &other}) {
    system->proc("self/cgroup", "0::/");
    system->sys("fs/cgroup/cpu.max", "200000 100000");
  }
  EXPECT_NE(cpu_limit(system_.folders)->id, cpu_limit(other.folders)->id);
  EXPECT_EQ(cpu_limit(system_.folders), cpu_limit(system_.folders));
}

TEST_F(MachineTest, ADeviceHasTheNodeThatTheBusNames) {
  system_.sys("bus/pci/devices/0000:1b:00.0/numa_node", "1");
  system_.sys("bus/pci/devices/0000:1c:00.0/numa_node", "-1");
  EXPECT_EQ(numa_node_of_device("0000:1B:00.0", system_.folders), 1);
  EXPECT_EQ(numa_node_of_device("0000:1c:00.0", system_.folders), std::nullopt);
  EXPECT_EQ(numa_node_of_device("0000:1d:00.0", system_.folders), std::nullopt);
  EXPECT_EQ(numa_node_of_device("", system_.folders), std::nullopt);
}

TEST_F(MachineTest, ThisMachineIsDescribedAsWell) {
  const CpuList cpus = cpus_at_start();
  EXPECT_EQ(describe(cpus).size(), cpus.size());
  for (const Cpu& cpu : describe(cpus)) EXPECT_LE(cpu.core, cpu.number);
  EXPECT_TRUE(is_within(cpus, available_cpus())) << text_of(cpus);
}

}  // namespace
}  // namespace tidemark::job
