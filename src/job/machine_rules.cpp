// SPDX-License-Identifier: BSD-3-Clause
#include "job/machine_rules.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "job/findings.hpp"

namespace tidemark::job {

namespace {

void judge_near_device(int rank, Placement& placement) {
  const Place& place = place_of(placement.places, rank);
  const std::vector<int> nodes = place.numa_nodes();
  if (!place.device_numa_node || nodes.empty() ||
      std::binary_search(nodes.begin(), nodes.end(), *place.device_numa_node)) {
    return;
  }
  placement.remarks.push_back(fmt::format(
      "{}: its device {} is attached to NUMA node {}, its threads run on {}",
      who(placement.places, {rank}), place.device_pci_id, *place.device_numa_node, text_of(nodes)));
}

}  // namespace

void judge_limits(const std::vector<int>& ranks, Placement& placement) {
  std::map<std::uint64_t, std::vector<int>> groups;
  for (const int rank : ranks) {
    const auto& limit = place_of(placement.places, rank).cpu_limit;
    if (limit) groups[limit->id].push_back(rank);
  }
  for (const auto& [id, members] : groups) {
    const CpuLimit& limit = *place_of(placement.places, members.front()).cpu_limit;
    std::size_t threads = 0;
    for (const int rank : members) threads += place_of(placement.places, rank).threads.size();
    if (static_cast<double>(threads) <= limit.cores) continue;
    placement.problems.push_back(
        fmt::format("{}: {}, but the control group {} is limited to the time of {:.3g} core{}",
                    who(placement.places, members), counted(threads, "thread"), limit.group,
                    limit.cores, limit.cores == 1.0 ? "" : "s"));
  }
}

void judge_devices(const std::vector<int>& ranks, Placement& placement) {
  std::map<std::string, std::vector<int>> ranks_of;
  for (const int rank : ranks) {
    const Place& place = place_of(placement.places, rank);
    const std::string& name = place.device_uuid.empty() ? place.device_pci_id : place.device_uuid;
    if (!name.empty()) ranks_of[name].push_back(rank);
  }
  for (const auto& [name, sharing] : ranks_of) {
    if (sharing.size() < 2) continue;
    placement.problems.push_back(
        fmt::format("{}: they share the device {}", who(placement.places, sharing), name));
  }
}

void judge_numa(const std::vector<int>& ranks, Placement& placement) {
  std::map<int, std::set<int>> cores_of_node;
  for (const int rank : ranks) {
    for (const Cpu& cpu : place_of(placement.places, rank).cpus) {
      cores_of_node[cpu.numa_node].insert(cpu.core);
    }
  }
  std::vector<int> wandering;
  for (const int rank : ranks) {
    judge_near_device(rank, placement);
    const Place& place = place_of(placement.places, rank);
    const std::vector<int> nodes = place.numa_nodes();
    const bool would_fit = std::any_of(nodes.begin(), nodes.end(), [&](int node) {
      return cores_of_node.at(node).size() >= place.threads.size();
    });
    if (nodes.size() > 1 && would_fit) wandering.push_back(rank);
  }
  if (wandering.empty()) return;
  placement.remarks.push_back(
      fmt::format("{}: threads may run on several NUMA nodes, though one has cores for all "
                  "threads of a rank: their memory may be far",
                  who(placement.places, wandering)));
}

}  // namespace tidemark::job
