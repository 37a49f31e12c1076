// SPDX-License-Identifier: BSD-3-Clause
#include "config/byte_size.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "config/message.hpp"

namespace tidemark::config {

namespace {

[[noreturn]] void refuse_size(const std::string& text, const std::string& option,
                              std::string_view what) {
  refuse("command line", option, fmt::format("'{}' {}", one_line(text), what));
}

/// Removes the leading digits from `text` and returns them.
std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

/// Bytes of a unit; nullopt if `unit` is not a unit.
std::optional<std::int64_t> bytes_of_unit(std::string_view unit) {
  if (unit == "B") return 1;
  if (unit.empty()) return std::nullopt;
  constexpr std::string_view prefixes = "KMGTkmgt";  // index mod 4: the power minus one
  const std::size_t prefix = prefixes.find(unit.front());
  const std::string_view rest = unit.substr(1);
  if (prefix == std::string_view::npos || (rest != "B" && rest != "iB")) return std::nullopt;
  std::int64_t bytes = 1;
  for (std::size_t i = 0; i <= prefix % 4; ++i) bytes *= rest == "B" ? 1000 : 1024;
  return bytes;
}

/// floor(0.DIGITS x unit). The loop goes from the last digit to the first. The remainder of each
/// division cannot carry into the digit before it, so the result is exact for any number of digits.
std::int64_t fraction_of(std::int64_t unit, std::string_view digits) {
  std::int64_t bytes = 0;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    bytes = ((*digit - '0') * unit + bytes) / 10;
  }
  return bytes;
}

/// DIGITS x unit + extra; nullopt if that needs more than 63 bits.
std::optional<std::int64_t> whole_of(std::int64_t unit, std::string_view digits,
                                     std::int64_t extra) {
  std::int64_t count = 0;
  for (const char digit : digits) {
    if (__builtin_mul_overflow(count, 10, &count) ||
        __builtin_add_overflow(count, digit - '0', &count)) {
      return std::nullopt;
    }
  }
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(count, unit, &bytes) || __builtin_add_overflow(bytes, extra, &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace

std::int64_t parse_byte_size(const std::string& text, const std::string& option) {
  std::string_view rest = text;
  const std::string_view whole = take_digits(rest);
  std::string_view fraction;
  bool is_number = !whole.empty();
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = take_digits(rest);
    is_number = is_number && !fraction.empty();
  }
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  const std::optional<std::int64_t> unit = bytes_of_unit(rest);
  if (!is_number || !unit) {
    refuse_size(text, option, "is not a size; expected a size such as 80GB or 79.6GiB");
  }
  const auto bytes = whole_of(*unit, whole, fraction_of(*unit, fraction));
  if (!bytes) refuse_size(text, option, "is over 2^63 - 1 bytes");
  if (*bytes == 0) refuse_size(text, option, "is less than one byte");
  return *bytes;
}

}  // namespace tidemark::config
