// SPDX-License-Identifier: BSD-3-Clause
#include "config/scalar.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <system_error>

#include <fmt/format.h>

#include "config/message.hpp"

namespace tidemark::config {

namespace {

/// For names and labels: long enough for every use, short enough for a table.
constexpr std::size_t max_text_bytes = 200;

[[noreturn]] void refuse_node(const Node& node, std::string_view key, std::string_view what) {
  refuse(node.location.text(), key, what);
}

void require_scalar(const Node& node, std::string_view key) {
  if (node.kind == Node::Kind::scalar) return;
  if (node.kind == Node::Kind::null) refuse_node(node, key, "has no value");
  if (node.kind == Node::Kind::sequence) {
    refuse_node(node, key,
                "expected one value, found a list (a list of values belongs under sweep)");
  }
  refuse_node(node, key, "expected one value, found a mapping");
}

/// The characters of a scalar that is not a string; `what` names the type in the message.
std::string_view plain_text(const Node& node, std::string_view key, std::string_view what) {
  require_scalar(node, key);
  if (node.quoted) {
    refuse_node(node, key,
                fmt::format("expected {}, found the quoted text '{}'", what, one_line(node.text)));
  }
  return node.text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Position of the first non-digit at or after `at`.
std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

/// [-] DIGITS [. DIGITS] [e [+-] DIGITS]. One side of the point may be empty, but not both.
bool is_decimal(std::string_view text) {
  const std::size_t start = text.starts_with('-') ? 1 : 0;
  std::size_t end = skip_digits(text, start);
  std::size_t digits = end - start;
  if (end < text.size() && text[end] == '.') {
    const std::size_t fraction = end + 1;
    end = skip_digits(text, fraction);
    digits += end - fraction;
  }
  if (digits == 0) return false;
  if (end == text.size()) return true;
  if (text[end] != 'e' && text[end] != 'E') return false;
  std::size_t exponent = end + 1;
  if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
  return exponent < text.size() && skip_digits(text, exponent) == text.size();
}

/// Some readers take a number with leading zeros as octal, and others as decimal.
void refuse_leading_zero(const Node& node, std::string_view key, std::string_view text) {
  const std::string_view sign = text.starts_with('-') ? "-" : "";
  std::string_view digits = text.substr(sign.size());
  if (digits.size() < 2 || digits[0] != '0' || !is_digit(digits[1])) return;
  while (digits.size() > 1 && digits[0] == '0' && is_digit(digits[1])) digits.remove_prefix(1);
  refuse_node(node, key,
              fmt::format("{} has a leading zero; write {}{}, numbers are decimal", one_line(text),
                          sign, one_line(digits)));
}

}  // namespace

std::string IntegerRange::text() const { return fmt::format("{} to {}", lowest, highest); }

bool RealRange::holds(double value) const {
  const bool above = lowest_included ? value >= lowest : value > lowest;
  const bool below = highest_included ? value <= highest : value < highest;
  return above && below;
}

std::string RealRange::text() const {
  return fmt::format("{} {} x {} {}", lowest, lowest_included ? "<=" : "<",
                     highest_included ? "<=" : "<", highest);
}

bool to_boolean(const Node& node, std::string_view key) {
  const std::string_view text = plain_text(node, key, "true or false");
  if (text == "true") return true;
  if (text == "false") return false;
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 5> yes = {"yes", "on", "y", "true", "1"};
  constexpr std::array<std::string_view, 5> no = {"no", "off", "n", "false", "0"};
  const auto is_among = [&](const auto& words) {
    return std::find(words.begin(), words.end(), lower) != words.end();
  };
  if (is_among(yes)) refuse_node(node, key, fmt::format("'{}' is not a boolean; write true", text));
  if (is_among(no)) refuse_node(node, key, fmt::format("'{}' is not a boolean; write false", text));
  refuse_node(node, key,
              fmt::format("'{}' is not a boolean; expected true or false", one_line(text)));
}

std::int64_t to_integer(const Node& node, std::string_view key, IntegerRange range) {
  const std::string_view text = plain_text(node, key, "an integer");
  const std::size_t start = text.starts_with('-') ? 1 : 0;
  if (start == text.size() || skip_digits(text, start) != text.size()) {
    refuse_node(
        node, key,
        fmt::format("'{}' is not an integer; expected decimal digits only", one_line(text)));
  }
  refuse_leading_zero(node, key, text);
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || value < range.lowest || value > range.highest) {
    refuse_node(node, key,
                fmt::format("{} is out of range, expected {}", one_line(text), range.text()));
  }
  return value;
}

double to_real(const Node& node, std::string_view key, const RealRange& range) {
  const std::string_view text = plain_text(node, key, "a number");
  if (!is_decimal(text)) {
    refuse_node(node, key, fmt::format("'{}' is not a finite decimal number", one_line(text)));
  }
  refuse_leading_zero(node, key, text);
  double value = 0.0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || !range.holds(value)) {
    refuse_node(node, key,
                fmt::format("{} is out of range, expected {}", one_line(text), range.text()));
  }
  return value == 0.0 ? 0.0 : value;  // no minus sign for zero in the record
}

std::string to_text(const Node& node, std::string_view key) {
  require_scalar(node, key);
  if (node.text.empty()) refuse_node(node, key, "is empty");
  const bool has_control = std::any_of(node.text.begin(), node.text.end(),
                                       [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (has_control) {
    refuse_node(node, key, fmt::format("'{}' holds a control character", one_line(node.text)));
  }
  if (node.text.size() > max_text_bytes) {
    refuse_node(node, key, fmt::format("is longer than {} bytes", max_text_bytes));
  }
  return node.text;
}

}  // namespace tidemark::config
