// SPDX-License-Identifier: BSD-3-Clause
// Finds keys by name, and suggests a known key for a wrong name.
#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "config/message.hpp"
#include "config/schema.hpp"

namespace tidemark::config {

namespace {

/// Number of insertions, deletions and substitutions between two words. Source: Levenshtein,
/// "Binary codes capable of correcting deletions, insertions, and reversals", 1966. Goes through
/// the usual table row by row.
std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t substituted = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j - 1] + 1, row[j] + 1, substituted});
    }
  }
  return row.back();
}

std::string_view leaf_of(std::string_view name) { return name.substr(name.rfind('.') + 1); }

/// A correct leaf in the wrong section is the more likely mistake, so a wrong section costs one
/// edit.
std::size_t distance(std::string_view name, std::string_view known) {
  return std::min(edit_distance(name, known), edit_distance(leaf_of(name), leaf_of(known)) + 1);
}

std::string_view section_of(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

/// All names that are allowed in the place of an unknown one: keys, and at the top level sections.
std::vector<std::string_view> known_names(bool with_sections) {
  std::vector<std::string_view> names;
  for (const Setting& setting : settings()) {
    const std::string_view section = section_of(setting.name);
    if (with_sections && !section.empty() &&
        std::find(names.begin(), names.end(), section) == names.end()) {
      names.push_back(section);
    }
    names.push_back(setting.name);
  }
  if (with_sections) names.push_back("sweep");
  return names;
}

}  // namespace

const Setting* find_setting(std::string_view name) {
  const auto& rows = settings();
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const Setting& setting) { return setting.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

bool is_section(std::string_view name) {
  return !name.empty() &&
         std::any_of(settings().begin(), settings().end(),
                     [&](const Setting& setting) { return section_of(setting.name) == name; });
}

std::string unknown_key_message(std::string_view name, std::string_view prefix) {
  const bool at_top = prefix.empty() && name.find('.') == std::string_view::npos;
  return unknown_key_message(name, known_names(at_top), prefix);
}

std::string unknown_key_message(std::string_view name, const std::vector<std::string_view>& known,
                                std::string_view prefix) {
  name = name.substr(0, 200);  // the distance takes quadratic time, and every key is far shorter
  std::string_view nearest;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const std::string_view candidate : known) {
    const std::size_t d = distance(name, candidate);
    if (d < least) {
      least = d;
      nearest = candidate;
    }
  }
  const bool close = least <= std::max<std::size_t>(2, leaf_of(name).size() / 3);
  if (close) return fmt::format("unknown key; did you mean {}{}?", prefix, nearest);
  return fmt::format("unknown key; the nearest known key is {}{}", prefix, nearest);
}

}  // namespace tidemark::config
