// SPDX-License-Identifier: BSD-3-Clause
#include "job/library_version.hpp"

#include <algorithm>

namespace tidemark::job {

namespace {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }

/// Removes white space at the ends, and replaces each run of white space by one space.
std::string trimmed(std::string_view text) {
  std::string words;
  bool is_between = false;
  for (const char c : text) {
    if (is_blank(c)) {
      is_between = !words.empty();
      continue;
    }
    if (is_between) words += ' ';
    is_between = false;
    words += c;
  }
  return words;
}

/// Removes the first line from `text`, and returns it without its line end.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

std::string first_line_of(std::string_view text) {
  std::string line;
  while (line.empty() && !text.empty()) line = trimmed(take_line(text));
  return line;
}

std::optional<std::string> value_in(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.starts_with(key) && line.substr(key.size()).starts_with(':')) {
      return trimmed(line.substr(key.size() + 1));
    }
  }
  return std::nullopt;
}

}  // namespace tidemark::job
