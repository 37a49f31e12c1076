// SPDX-License-Identifier: BSD-3-Clause
// The processors of this machine: cores, NUMA nodes, and the limits of a control group.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "job/cpus.hpp"

namespace tidemark::job {

/// The folders of system information. A test uses other folders.
struct SystemFolders {
  std::filesystem::path proc = "/proc";
  std::filesystem::path sys = "/sys";
};

/// A hardware thread.
struct Cpu {
  int number = 0;
  int core = 0;       ///< the lowest number among the hardware threads of its core
  int numa_node = 0;  ///< 0 if the system has no NUMA nodes
  bool operator==(const Cpu&) const = default;
};

/// A control group's share of processor time.
struct CpuLimit {
  double cores = 0.0;  ///< cpu.max: seconds of processor time per second
  std::string group;   ///< folder of the limited group
  /// Identifies that folder, because groups in containers can have equal paths. Processes of one
  /// group share its limit.
  std::uint64_t id = 0;
  bool operator==(const CpuLimit&) const = default;
};

/// Identifies machines. Containers of one machine have the same id.
std::string machine_id(const SystemFolders& folders = {});

/// Describes each of `cpus`. A cpu without information counts as a separate core.
std::vector<Cpu> describe(const CpuList& cpus, const SystemFolders& folders = {});

/// The cpus to which this process could be bound: online cpus that its control group may use.
CpuList available_cpus(const SystemFolders& folders = {});

/// The strictest limit of this process's control group and those above it; nullopt: none.
std::optional<CpuLimit> cpu_limit(const SystemFolders& folders = {});

/// The NUMA node of a PCI device such as "0000:1b:00.0"; nullopt if unknown.
std::optional<int> numa_node_of_device(const std::string& pci_id,
                                       const SystemFolders& folders = {});

}  // namespace tidemark::job
