// What the system says of this machine's processors: cores, NUMA nodes, and what a control group
// leaves of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "job/cpus.hpp"

namespace tidemark::job {

/// Where the system tells of itself; another folder in a test.
struct SystemFolders {
  std::filesystem::path proc = "/proc";
  std::filesystem::path sys = "/sys";
};

/// A hardware thread.
struct Cpu {
  int number = 0;
  int core = 0;       ///< the lowest number among the hardware threads of its core
  int numa_node = 0;  ///< 0 where the system knows of none
  bool operator==(const Cpu&) const = default;
};

/// A control group's share of processor time.
struct CpuLimit {
  double cores = 0.0;    ///< cpu.max: seconds of processor time a second
  std::string group;     ///< the folder of the group that is limited
  std::uint64_t id = 0;  ///< of that folder: in containers, different groups have the same path.
                         ///< Processes of one group share its limit.
  bool operator==(const CpuLimit&) const = default;
};

/// Tells machines apart. Containers of one machine have the same one.
std::string machine_id(const SystemFolders& folders = {});

/// Those of `cpus`, with what the system says of each. A cpu of which it says nothing is a core of
/// its own.
std::vector<Cpu> describe(const CpuList& cpus, const SystemFolders& folders = {});

/// The cpus that this process could be bound to: those online that its control group may use.
CpuList available_cpus(const SystemFolders& folders = {});

/// The strictest limit of this process's control group and those above it; nullopt: none.
std::optional<CpuLimit> cpu_limit(const SystemFolders& folders = {});

/// The NUMA node that a PCI device ("0000:1b:00.0") is attached to; nullopt where that is unknown.
std::optional<int> numa_node_of_device(const std::string& pci_id,
                                       const SystemFolders& folders = {});

}  // namespace tidemark::job
