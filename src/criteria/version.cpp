// SPDX-License-Identifier: BSD-3-Clause
#include "criteria/version.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tidemark::criteria {

namespace {

/// A key that version 1 also has, but with another meaning, and that meaning.
struct Changed {
  std::string_view key;
  std::string_view meaning_before;
};
constexpr std::array changed_in_2{
    Changed{"overlap.efficiency", "what version 2 calls overlap.schedule_efficiency"},
    Changed{"overlap.efficiency_ci", "the interval of overlap.schedule_efficiency"},
    Changed{"overlap.efficiency_max", "the most that overlap.schedule_efficiency can be"},
    Changed{"overlap.resolved", "whether overlap.schedule_efficiency was resolved"},
    Changed{"overlap.exceeds_max", "whether overlap.schedule_efficiency exceeds its maximum"},
    Changed{"overlap.serial_exposed_ms", "serial - compute, without what the split costs"},
    Changed{"overlap.osu_percent", "not clamped at 0"},
};

/// `placement` includes all keys within it.
constexpr std::array<std::string_view, 11> added_in_2{"overlap.schedule_efficiency",
                                                      "overlap.split_cost_ms",
                                                      "fom.model_tflops_per_s",
                                                      "fom.model_tflops_per_s_ci",
                                                      "time.compute_serial_ms",
                                                      "time.warmup_steps",
                                                      "time.warmup_seconds",
                                                      "time.measured_seconds",
                                                      "time.drift",
                                                      "time.drifting",
                                                      "placement"};

/// True if `name` is `key` or lies within it.
bool is_within(std::string_view name, std::string_view key) {
  return name.starts_with(key) && (name.size() == key.size() || name[key.size()] == '.');
}

}  // namespace

int version_of(const nlohmann::json& record) {
  const auto found = record.find("schema_version");
  return found != record.end() && found->is_number_integer() ? found->get<int>() : 0;
}

std::string version_objection(const RecordPath& path, const nlohmann::json& record) {
  if (version_of(record) != 1) return "";
  const std::string name = fmt::format("{}", fmt::join(path.keys(), "."));
  for (const Changed& changed : changed_in_2) {
    if (is_within(name, changed.key)) {
      return fmt::format("{} has another meaning in a record of version 1: there it is {}",
                         path.text(), changed.meaning_before);
    }
  }
  const bool is_new = std::any_of(added_in_2.begin(), added_in_2.end(),
                                  [&](std::string_view key) { return is_within(name, key); });
  return is_new ? fmt::format("{} is in records of version 2 alone, and this one is of version 1",
                              path.text())
                : "";
}

Found find_in_version(const RecordPath& path, const nlohmann::json& record) {
  std::string objection = version_objection(path, record);
  if (!objection.empty()) return {{}, std::move(objection)};
  return path.find(record);
}

}  // namespace tidemark::criteria
