// SPDX-License-Identifier: BSD-3-Clause
#include "job/placement.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "job/crowding.hpp"
#include "job/machine_rules.hpp"
#include "job/tensor_groups.hpp"

namespace tidemark::job {

namespace {

constexpr std::size_t max_lines = 8;

}  // namespace

Placement judge(std::vector<Place> places, const std::vector<std::vector<int>>& groups) {
  Placement placement{std::move(places), {}, {}};
  std::map<std::string, std::vector<int>> ranks_of;
  std::vector<std::string> order;
  for (std::size_t rank = 0; rank < placement.places.size(); ++rank) {
    const std::string& machine = placement.places[rank].machine;
    if (!ranks_of.contains(machine)) order.push_back(machine);
    ranks_of[machine].push_back(static_cast<int>(rank));
  }
  for (const std::string& machine : order) {
    const std::vector<int>& ranks = ranks_of[machine];
    judge_crowding(ranks, placement);
    judge_limits(ranks, placement);
    judge_devices(ranks, placement);
    judge_numa(ranks, placement);
  }
  judge_groups(groups, placement);
  return placement;
}

std::string placement_lines(const Placement& placement) {
  std::string text;
  const auto add = [&](const std::string& word, const std::vector<std::string>& lines) {
    for (std::size_t line = 0; line < std::min(lines.size(), max_lines); ++line) {
      text += fmt::format("{}: {}\n", word, lines[line]);
    }
    if (lines.size() > max_lines) {
      text += fmt::format("{}: {} more, in the record\n", word, lines.size() - max_lines);
    }
  };
  add("Placement, problem", placement.problems);
  add("Placement", placement.remarks);
  return text;
}

}  // namespace tidemark::job
