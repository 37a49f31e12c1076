// SPDX-License-Identifier: BSD-3-Clause
#include "config/message.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "config/schema.hpp"

namespace tidemark::config {

namespace {

/// Length of the longest prefix of at most `limit` bytes that ends between two characters.
std::size_t whole_prefix(std::string_view text, std::size_t limit) {
  const auto is_continuation = [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80;
  };
  std::size_t length = limit;
  while (length > 0 && is_continuation(text[length])) --length;
  return length;
}

bool is_of_a_name(char c) { return c == '_' || (c >= 'a' && c <= 'z'); }

/// True if `text` contains `name` as a whole name and not as a part of a longer name.
bool speaks_of(std::string_view text, std::string_view name) {
  for (auto at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    const bool begins = at == 0 || !is_of_a_name(text[at - 1]);
    const bool ends = end == text.size() || !is_of_a_name(text[end]);
    if (begins && ends) return true;
  }
  return false;
}

}  // namespace

std::string one_line(std::string_view text, std::size_t limit) {
  const bool cut = text.size() > limit;
  if (cut) text = text.substr(0, whole_prefix(text, limit));
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  if (cut) line += "...";
  return line;
}

void refuse(std::string_view where, std::string_view key, std::string_view what) {
  if (key.empty()) throw InputError(fmt::format("{}: {}", where, what));
  throw InputError(fmt::format("{}: {}: {}", where, one_line(key), what));
}

void refuse_key(const Case& c, const std::string& key, std::string_view what) {
  std::string said;
  for (const Setting& setting : settings()) {
    const std::string leaf = setting.name.substr(setting.name.rfind('.') + 1);
    if (!c.from_preset.contains(setting.name)) continue;
    if (setting.name != key && !speaks_of(what, leaf)) continue;
    said += fmt::format("{} {} {}", said.empty() ? "" : ",", leaf, format_value(setting.get(c)));
  }
  if (!said.empty()) said = fmt::format("; preset {} has{}", c.model.preset, said);
  refuse(c.locate(key), key, std::string(what) + said);
}

}  // namespace tidemark::config
