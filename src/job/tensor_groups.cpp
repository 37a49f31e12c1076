// SPDX-License-Identifier: BSD-3-Clause
#include "job/tensor_groups.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "job/findings.hpp"

namespace tidemark::job {

namespace {

/// A machine of the job. `room` is the number of its devices, or of its cores if it has none.
struct Node {
  std::string host;  ///< of its first rank
  std::size_t room = 0;
};
using Nodes = std::map<std::string, Node>;  // key: machine

/// Number of devices, or of cores, that the ranks of a group need.
std::size_t need_of(const std::vector<int>& group, const std::vector<Place>& places) {
  if (place_of(places, group.front()).devices) return group.size();
  std::size_t threads = 0;
  for (const int rank : group) threads += place_of(places, rank).threads.size();
  return threads;
}

Nodes nodes_of(const std::vector<Place>& places) {
  Nodes nodes;
  std::map<std::string, std::set<int>> cores;
  for (const Place& place : places) {
    Node& node = nodes.try_emplace(place.machine, Node{place.host}).first->second;
    for (const Cpu& cpu : place.cpus) cores[place.machine].insert(cpu.core);
    node.room = place.devices ? std::max(node.room, static_cast<std::size_t>(*place.devices))
                              : cores[place.machine].size();
  }
  return nodes;
}

std::map<std::string, std::vector<int>> ranks_by_machine(const std::vector<int>& group,
                                                         const std::vector<Place>& places) {
  std::map<std::string, std::vector<int>> ranks;
  for (const int rank : group) ranks[place_of(places, rank).machine].push_back(rank);
  return ranks;
}

/// A text such as "ranks 0-1 of a; rank 2 of b", with at most the first few parts.
std::string parts_of(const std::map<std::string, std::vector<int>>& by_machine,
                     const Nodes& nodes) {
  constexpr std::size_t max_parts = 4;
  std::vector<std::string> parts;
  for (const auto& [machine, ranks] : by_machine) {
    parts.push_back(fmt::format("{} of {}", ranks_text(ranks), nodes.at(machine).host));
  }
  if (parts.size() > max_parts) {
    parts.resize(max_parts);
    parts.emplace_back("...");
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

void judge_group(const std::vector<int>& group, const Nodes& nodes, Placement& placement) {
  const auto by_machine = ranks_by_machine(group, placement.places);
  if (by_machine.size() < 2) return;
  const std::string start =
      fmt::format("tensor group of {} crosses {} nodes ({})", ranks_text(group), by_machine.size(),
                  parts_of(by_machine, nodes));
  const std::size_t need = need_of(group, placement.places);
  const auto roomy = std::find_if(nodes.begin(), nodes.end(),
                                  [&](const auto& node) { return node.second.room >= need; });
  if (roomy == nodes.end()) {
    placement.remarks.push_back(start);
    return;
  }
  const bool on_devices = place_of(placement.places, group.front()).devices.has_value();
  placement.problems.push_back(fmt::format("{}, though {} has {} for all of it", start,
                                           roomy->second.host, on_devices ? "devices" : "cores"));
}

}  // namespace

void judge_groups(const std::vector<std::vector<int>>& groups, Placement& placement) {
  Nodes nodes = nodes_of(placement.places);
  for (const std::vector<int>& group : groups) {
    const auto by_machine = ranks_by_machine(group, placement.places);
    if (by_machine.size() != 1) continue;
    std::size_t& room = nodes.at(by_machine.begin()->first).room;
    room -= std::min(room, need_of(group, placement.places));
  }
  for (const std::vector<int>& group : groups) judge_group(group, nodes, placement);
}

}  // namespace tidemark::job
