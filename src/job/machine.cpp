// SPDX-License-Identifier: BSD-3-Clause
#include "job/machine.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

namespace tidemark::job {

namespace {

namespace fs = std::filesystem;

/// The first line of a file; "" if there is no file.
std::string line_of(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// The control group of this process in one hierarchy, and the root folder of that hierarchy.
struct Group {
  fs::path root;
  std::string path;  ///< "/a/b"
  bool is_version_1 = false;
};

bool names(const std::string& controllers, const std::string& controller) {
  std::istringstream words(controllers);
  for (std::string word; std::getline(words, word, ',');) {
    if (word == controller) return true;
  }
  return false;
}

/// The folder of a hierarchy of version 1. "cpu,cpuacct" may be mounted together, or under one
/// name.
fs::path root_of(const std::string& controllers, const std::string& controller,
                 const fs::path& all) {
  std::error_code error;
  return fs::exists(all / controllers, error) ? all / controllers : all / controller;
}

/// If versions 1 and 2 are both mounted, version 2 has a separate folder.
fs::path root_of_version_2(const fs::path& all) {
  std::error_code error;
  const bool is_beside =
      fs::exists(all / "unified", error) && !fs::exists(all / "cgroup.controllers", error);
  return is_beside ? all / "unified" : all;
}

/// The inode of a control group's folder, which identifies the group.
std::uint64_t id_of(const fs::path& folder) {
  struct stat found {};
  return stat(folder.c_str(), &found) == 0 ? found.st_ino : 0;
}

// A line of /proc/self/cgroup is "4:cpu,cpuacct:/a/b"; in version 2 "0::/a/b"; cgroups(7).
std::optional<Group> group_of(const std::string& controller, const SystemFolders& folders) {
  const fs::path all = folders.sys / "fs/cgroup";
  std::optional<Group> found;
  std::ifstream file(folders.proc / "self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (names(controllers, controller)) {
      return Group{root_of(controllers, controller, all), path, true};
    }
    if (controllers.empty()) found = Group{root_of_version_2(all), path, false};
  }
  return found;
}

/// The group's folder and those above it up to the root of the hierarchy, innermost first. A
/// container may show only the root, under a path that does not exist in it.
std::vector<fs::path> folders_of(const Group& group) {
  std::vector<fs::path> found;
  std::string path = group.path.starts_with('/') ? group.path : "";
  while (path.size() > 1) {
    if (path.find("..") == std::string::npos) found.push_back(group.root / path.substr(1));
    path.resize(path.rfind('/'));
  }
  found.push_back(group.root);
  return found;
}

/// Cores that the group of this folder may use; nullopt: no limit.
std::optional<double> limit_of(const fs::path& folder, bool is_version_1) {
  double quota = 0.0;
  double period = 0.0;
  if (is_version_1) {
    std::istringstream(line_of(folder / "cpu.cfs_quota_us")) >> quota;  // -1: no limit
    std::istringstream(line_of(folder / "cpu.cfs_period_us")) >> period;
  } else {
    std::istringstream(line_of(folder / "cpu.max")) >> quota >> period;  // "max 100000": no limit
  }
  if (quota > 0.0 && period > 0.0) return quota / period;
  return std::nullopt;
}

std::map<int, int> numa_nodes(const fs::path& nodes) {
  std::map<int, int> node_of_cpu;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(nodes, error)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("node", 0) != 0 || name.size() < 5 || std::isdigit(name[4]) == 0) continue;
    for (const int cpu : cpus_in(line_of(entry.path() / "cpulist"))) {
      node_of_cpu[cpu] = std::stoi(name.substr(4));
    }
  }
  return node_of_cpu;
}

}  // namespace

std::string machine_id(const SystemFolders& folders) {
  std::string id = line_of(folders.proc / "sys/kernel/random/boot_id");
  if (id.empty()) {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    id = host.data();
  }
  return id;
}

std::vector<Cpu> describe(const CpuList& cpus, const SystemFolders& folders) {
  const std::map<int, int> node_of_cpu = numa_nodes(folders.sys / "devices/system/node");
  std::vector<Cpu> found;
  for (const int cpu : cpus) {
    const fs::path topology = folders.sys / fmt::format("devices/system/cpu/cpu{}/topology", cpu);
    const CpuList siblings = cpus_in(line_of(topology / "thread_siblings_list"));
    const auto node = node_of_cpu.find(cpu);
    found.push_back({cpu, siblings.empty() ? cpu : siblings.front(),
                     node == node_of_cpu.end() ? 0 : node->second});
  }
  return found;
}

CpuList available_cpus(const SystemFolders& folders) {
  const CpuList online = cpus_in(line_of(folders.sys / "devices/system/cpu/online"));
  const std::optional<Group> group = group_of("cpuset", folders);
  if (!group) return online;
  for (const fs::path& folder : folders_of(*group)) {
    CpuList cpus = cpus_in(line_of(
        folder / (group->is_version_1 ? "cpuset.effective_cpus" : "cpuset.cpus.effective")));
    if (cpus.empty()) continue;
    CpuList both;
    std::set_intersection(cpus.begin(), cpus.end(), online.begin(), online.end(),
                          std::back_inserter(both));
    return online.empty() ? cpus : both;
  }
  return online;
}

std::optional<CpuLimit> cpu_limit(const SystemFolders& folders) {
  const std::optional<Group> group = group_of("cpu", folders);
  if (!group) return std::nullopt;
  std::optional<CpuLimit> strictest;
  for (const fs::path& folder : folders_of(*group)) {
    const std::optional<double> cores = limit_of(folder, group->is_version_1);
    if (cores && (!strictest || *cores < strictest->cores)) {
      strictest = CpuLimit{*cores, folder.string(), id_of(folder)};
    }
  }
  return strictest;
}

std::optional<int> numa_node_of_device(const std::string& pci_id, const SystemFolders& folders) {
  if (pci_id.empty()) return std::nullopt;
  std::string name = pci_id;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  const std::string line = line_of(folders.sys / "bus/pci/devices" / name / "numa_node");
  int node = -1;
  std::istringstream(line) >> node;
  return line.empty() || node < 0 ? std::nullopt : std::optional(node);
}

}  // namespace tidemark::job
