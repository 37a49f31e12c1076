// SPDX-License-Identifier: BSD-3-Clause
#include "criteria/path.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "config/message.hpp"
#include "config/schema.hpp"

namespace tidemark::criteria {

namespace {

using nlohmann::json;

[[noreturn]] void refuse_path(const std::string& where, const std::string& path,
                              std::string_view what) {
  config::refuse(where, "key", fmt::format("'{}': {}", config::one_line(path), what));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// Splits at the dots outside of brackets. Within brackets a value may contain a dot.
std::vector<std::string_view> split_steps(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') inside = true;
    if (text[i] == ']') inside = false;
    if (text[i] != '.' || inside) continue;
    parts.push_back(text.substr(start, i - start));
    start = i + 1;
  }
  parts.push_back(text.substr(start));
  return parts;
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

const std::vector<std::string_view>& record_keys() {
  static const std::vector<std::string_view> keys{
      "schema_version", "kind",  "case",         "case_index", "case_fnv1a_64",
      "ranks",          "valid", "verification", "fom",        "loss",
      "time",           "flops", "memory",       "comm",       "overlap",
      "ranks_detail",   "test",  "provenance",   "placement",  "product_library"};
  return keys;
}

bool is_written_as(const json& value, std::string_view text) {
  if (value.is_string()) return value.get_ref<const std::string&>() == text;
  if (value.is_number()) {
    const auto number = number_in<double>(text);
    return number && *number == value.get<double>();
  }
  return !value.is_structured() && value.dump() == text;
}

RecordPath RecordPath::parse(const std::string& text, const std::string& where) {
  RecordPath path;
  path.text_ = text;
  for (const std::string_view part : split_steps(text)) {
    path.steps_.push_back(parse_step(part, text, where));
  }
  const auto& known = record_keys();
  if (std::find(known.begin(), known.end(), path.root()) != known.end()) return path;
  const std::string name = text.substr(0, text.find('['));
  if (config::find_setting(name) != nullptr) {
    refuse_path(where, text, fmt::format("is a setting; write case.{}", name));
  }
  refuse_path(where, text, config::unknown_key_message(path.root(), known));
}

RecordPath::Step RecordPath::parse_step(std::string_view text, const std::string& whole,
                                        const std::string& where) {
  Step step;
  const std::size_t bracket = text.find('[');
  step.key = text.substr(0, bracket);
  const bool is_name = !step.key.empty() && step.key.find_first_of("]= ,*") == std::string::npos;
  if (!is_name) refuse_path(where, whole, "is no path; expected names with dots between them");
  while (text.size() > step.key.size()) {
    text.remove_prefix(text.find('['));
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) refuse_path(where, whole, "a closing bracket is missing");
    step.selections.push_back(parse_selection(text.substr(1, end - 1), whole, where));
    text.remove_prefix(end + 1);
    if (text.empty()) break;
    if (text.front() != '[') refuse_path(where, whole, "expected a dot behind a bracket");
  }
  return step;
}

RecordPath::Selection RecordPath::parse_selection(std::string_view text, const std::string& whole,
                                                  const std::string& where) {
  if (text == "*") return All{};
  if (const auto index = number_in<std::size_t>(text)) return *index;
  Matches matches;
  for (const std::string_view part : split(text, ',')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      refuse_path(where, whole,
                  fmt::format("[{}] selects nothing; expected an index, *, or KEY=VALUE",
                              config::one_line(text)));
    }
    matches.emplace_back(part.substr(0, equals), part.substr(equals + 1));
  }
  return matches;
}

std::string RecordPath::text_of(const Selection& selection) {
  if (const auto* const index = std::get_if<std::size_t>(&selection)) {
    return fmt::format("[{}]", *index);
  }
  if (std::holds_alternative<All>(selection)) return "[*]";
  std::string text;
  for (const auto& [key, value] : std::get<Matches>(selection)) {
    text += fmt::format("{}{}={}", text.empty() ? "[" : ",", key, value);
  }
  return text + "]";
}

std::vector<std::string> RecordPath::keys() const {
  std::vector<std::string> keys;
  for (const Step& step : steps_) keys.push_back(step.key);
  return keys;
}

bool RecordPath::finds_many() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& step) {
    return std::any_of(step.selections.begin(), step.selections.end(),
                       [](const Selection& s) { return !std::holds_alternative<std::size_t>(s); });
  });
}

std::vector<const json*> RecordPath::select(const json& list, const Selection& selection) {
  std::vector<const json*> chosen;
  if (!list.is_array()) return chosen;
  if (const auto* const index = std::get_if<std::size_t>(&selection)) {
    if (*index < list.size()) chosen.push_back(&list[*index]);
    return chosen;
  }
  for (const json& element : list) {
    const auto has = [&](const std::pair<std::string, std::string>& match) {
      const auto found = element.is_object() ? element.find(match.first) : element.end();
      return found != element.end() && is_written_as(*found, match.second);
    };
    const auto* const matches = std::get_if<Matches>(&selection);
    if (matches == nullptr || std::all_of(matches->begin(), matches->end(), has)) {
      chosen.push_back(&element);
    }
  }
  return chosen;
}

Found RecordPath::find(const json& record) const {
  std::vector<const json*> here{&record};
  std::string place;
  const auto missing = [&](std::string_view what) {
    return Found{{}, fmt::format("{} {}", place, what)};
  };
  for (const Step& step : steps_) {
    place += (place.empty() ? "" : ".") + step.key;
    std::vector<const json*> next;
    for (const json* const value : here) {
      const auto found = value->is_object() ? value->find(step.key) : value->end();
      if (found == value->end()) return missing("is not in the record");
      if (found->is_null()) return missing("is null");
      next.push_back(&*found);
    }
    for (const Selection& selection : step.selections) {
      place += text_of(selection);
      std::vector<const json*> selected;
      for (const json* const value : next) {
        const auto chosen = select(*value, selection);
        selected.insert(selected.end(), chosen.begin(), chosen.end());
      }
      if (selected.empty()) return missing("is not in the record");
      next = std::move(selected);
    }
    here = std::move(next);
  }
  return {here, ""};
}

}  // namespace tidemark::criteria
