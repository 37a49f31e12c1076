// SPDX-License-Identifier: BSD-3-Clause
#include "config/text_check.hpp"

#include <cstddef>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

#include "config/message.hpp"

namespace tidemark::config {

namespace {

/// Bytes of the UTF-8 character at the beginning of `text`; 0 if there is none. Source: RFC 3629.
std::size_t character_length(std::string_view text) {
  const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte_at(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xC2   ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(i) & 0xC0U) != 0x80) return 0;
  }
  // Longer than necessary, half of a UTF-16 pair, or beyond the last character.
  const unsigned char next = byte_at(1);
  const bool is_wrong = (lead == 0xE0 && next < 0xA0) || (lead == 0xED && next > 0x9F) ||
                        (lead == 0xF0 && next < 0x90) || (lead == 0xF4 && next > 0x8F);
  return is_wrong ? 0 : length;
}

}  // namespace

void refuse_what_is_no_text(const std::string& text, const Location& origin) {
  Location here = origin;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool is_space = byte == '\n' || byte == '\r' || byte == '\t';
    if ((byte < 0x20 && !is_space) || byte == 0x7F) {
      refuse(here.text(), "",
             fmt::format("control character 0x{:02x}; expected a text file", byte));
    }
    const std::size_t length = character_length(std::string_view(text).substr(at));
    if (length == 0) {
      refuse(here.text(), "",
             fmt::format("not UTF-8: byte 0x{:02x}; expected text in UTF-8", byte));
    }
    at += length;
    if (origin.line == 0) continue;
    here.column = byte == '\n' ? 1 : here.column + 1;
    if (byte == '\n') ++here.line;
  }
}

std::string wrong_indentation(const std::string& text, const Location& origin, int last) {
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line) && ++number <= last;) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == std::string::npos) continue;
    const bool is_tab = line[begin] == '\t';
    if (!is_tab && line.compare(begin, 2, "\u00a0") != 0) continue;
    return fmt::format("{}: indented by a {}; expected spaces",
                       Location{origin.source, number, static_cast<int>(begin) + 1}.text(),
                       is_tab ? "tab" : "no-break space (U+00A0)");
  }
  return "";
}

}  // namespace tidemark::config
