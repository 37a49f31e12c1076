#include "config/message.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

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

}  // namespace tidemark::config
