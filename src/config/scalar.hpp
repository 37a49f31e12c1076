// SPDX-License-Identifier: BSD-3-Clause
// The meaning of a leaf's characters, by rules of Tidemark that are stricter than YAML's.
//
// An input must not mean something other than what a reader expects. So octal, hexadecimal, yes/no
// and similar forms are refused.
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

// Each throws InputError, `LOCATION: KEY: ...`, if the node is not a scalar of its type.

/// Only `true` and `false`.
[[nodiscard]] bool to_boolean(const Node& node, std::string_view key);

/// Decimal digits with an optional minus sign and no leading zero.
[[nodiscard]] std::int64_t to_integer(const Node& node, std::string_view key, IntegerRange range);

/// A finite decimal number, with or without a fraction and an exponent.
[[nodiscard]] double to_real(const Node& node, std::string_view key, const RealRange& range);

/// The characters of any scalar. They must not be empty or contain control characters.
[[nodiscard]] std::string to_text(const Node& node, std::string_view key);

}  // namespace tidemark::config
