// SPDX-License-Identifier: BSD-3-Clause
// What a key accepts, how its value is read and written, and the table of all keys.
#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/message.hpp"
#include "config/schema.hpp"

namespace tidemark::config {

namespace {

std::string accepted_by(const Boolean&) { return "true, false"; }
std::string accepted_by(const IntegerRange& range) { return range.text(); }
std::string accepted_by(const RealRange& range) { return range.text(); }
std::string accepted_by(const Choice& choice) {
  return fmt::format("{}", fmt::join(choice.words, ", "));
}
std::string accepted_by(const Text&) { return "text"; }

Value parse_as(const Boolean&, const Node& node, std::string_view key) {
  return to_boolean(node, key);
}
Value parse_as(const IntegerRange& range, const Node& node, std::string_view key) {
  return to_integer(node, key, range);
}
Value parse_as(const RealRange& range, const Node& node, std::string_view key) {
  return to_real(node, key, range);
}
Value parse_as(const Choice& choice, const Node& node, std::string_view key) {
  const std::string word = to_text(node, key);
  if (std::find(choice.words.begin(), choice.words.end(), word) == choice.words.end()) {
    refuse(node.location.text(), key,
           fmt::format("'{}' is not accepted, expected {}{}", one_line(word),
                       choice.words.size() > 1 ? "one of " : "", accepted_by(choice)));
  }
  return word;
}
Value parse_as(const Text&, const Node& node, std::string_view key) { return to_text(node, key); }

std::string type_name(const Type& type) {
  constexpr std::string_view names[] = {"boolean", "integer", "number", "word", "text"};
  return std::string(names[type.index()]);
}

/// The default in words if the setting has such words, otherwise the value of a new case.
std::string default_of(const Setting& setting) {
  return setting.fallback.empty() ? format_value(setting.get(Case{})) : setting.fallback;
}

}  // namespace

std::string Setting::accepted() const {
  return std::visit([](const auto& kind) { return accepted_by(kind); }, type);
}

Value Setting::parse(const Node& node) const {
  return std::visit([&](const auto& kind) { return parse_as(kind, node, name); }, type);
}

std::string format_value(const Value& value) {
  return std::visit([](const auto& held) { return fmt::format("{}", held); }, value);
}

std::vector<std::pair<std::string, Value>> resolved_settings(const Case& c) {
  std::vector<std::pair<std::string, Value>> resolved;
  for (const Setting& setting : settings()) resolved.emplace_back(setting.name, setting.get(c));
  return resolved;
}

std::string key_table_markdown() {
  std::string table =
      "| key | type | accepted | default | meaning |\n"
      "|---|---|---|---|---|\n";
  for (const Setting& setting : settings()) {
    table += fmt::format("| `{}` | {} | {} | {} | {} |\n", setting.name, type_name(setting.type),
                         setting.accepted(), default_of(setting), setting.meaning);
  }
  return table;
}

std::string key_list() {
  std::string list;
  for (const Setting& setting : settings()) {
    list += fmt::format("{}: {}", setting.name, type_name(setting.type));
    if (!std::holds_alternative<Text>(setting.type)) list += ", " + setting.accepted();
    list += fmt::format("; {}\n    {}\n",
                        setting.required ? "required" : "default " + default_of(setting),
                        setting.meaning);
  }
  return list;
}

}  // namespace tidemark::config
