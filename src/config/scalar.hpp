// SPDX-License-Identifier: BSD-3-Clause
// What the characters of a leaf mean: Tidemark's own rules, stricter than YAML's.
//
// A benchmark's input must not mean something other than what a reader takes it to mean, so that
// octal, hexadecimal, yes/no and the like are refused instead of guessed at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/reader.hpp"

namespace tidemark::config {

/// Integers from `lowest` to `highest`, both included.
struct IntegerRange {
  std::int64_t lowest;
  std::int64_t highest;
  [[nodiscard]] std::string text() const;
};

/// Real numbers from `lowest` to `highest`, each end included or not.
struct RealRange {
  double lowest;
  bool lowest_included;
  double highest;
  bool highest_included;
  [[nodiscard]] bool holds(double value) const;
  [[nodiscard]] std::string text() const;
};

// Each throws InputError, `LOCATION: KEY: ...`, where the node is not a scalar of its type.

/// Only `true` and `false`.
[[nodiscard]] bool to_boolean(const Node& node, std::string_view key);

/// Decimal digits with an optional minus sign, no leading zero.
[[nodiscard]] std::int64_t to_integer(const Node& node, std::string_view key, IntegerRange range);

/// A finite decimal number, with or without a fraction and an exponent.
[[nodiscard]] double to_real(const Node& node, std::string_view key, const RealRange& range);

/// Any scalar, as its characters; neither empty nor with control characters.
[[nodiscard]] std::string to_text(const Node& node, std::string_view key);

}  // namespace tidemark::config
