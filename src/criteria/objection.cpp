// SPDX-License-Identifier: BSD-3-Clause
#include "criteria/objection.hpp"

#include <fmt/format.h>

#include "criteria/path.hpp"

namespace tidemark::criteria {

using nlohmann::json;

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

namespace {

/// Whether a check of a record holds, both by its own word and by its numbers.
bool holds(const json& check) {
  if (!check.is_object() || !check.contains("passed") || check["passed"] != true) return false;
  if (!check.contains("value") || !check.contains("bound")) return true;
  return check["value"].is_number() && check["bound"].is_number() &&
         check["value"] <= check["bound"];
}

/// Why a record that claims to be valid is not; empty if its verification agrees.
std::string contradiction_in(const json& record) {
  const auto verification = record.find("verification");
  if (verification == record.end()) return "";
  if (!verification->is_object()) return "it says that it is valid, but has no verification";
  if (const auto checks = verification->find("checks"); checks != verification->end()) {
    for (const json& check : *checks) {
      if (holds(check)) continue;
      const bool is_named = check.is_object() && check.contains("name");
      return fmt::format("it says that it is valid, but its check {} failed",
                         is_named ? text_of(check["name"]) : check.dump());
    }
  }
  const auto passed = verification->find("passed");
  return passed == verification->end() || *passed == true
             ? ""
             : "it says that it is valid, but its verification did not pass";
}

}  // namespace

std::string objection_to(const json& record) {
  const auto valid = record.find("valid");
  if (valid == record.end() || valid->is_null()) return "the record was not verified";
  if (*valid != true) return "the record is not valid";
  if (std::string contradiction = contradiction_in(record); !contradiction.empty()) {
    return contradiction;
  }
  if (const auto test = record.find("test"); test != record.end() && !test->is_null()) {
    return fmt::format("the run was disturbed for a test: {}", test->dump());
  }
  static const RecordPath latency = RecordPath::parse("case.emulated_link.latency_us", "");
  static const RecordPath bandwidth =
      RecordPath::parse("case.emulated_link.bandwidth_gbytes_per_s", "");
  for (const RecordPath* const path : {&latency, &bandwidth}) {
    const Found found = path->find(record);
    if (!found.values.empty() && *found.values.front() != 0) {
      return "the link was emulated, which measures no machine";
    }
  }
  return "";
}

}  // namespace tidemark::criteria
