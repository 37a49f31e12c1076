// SPDX-License-Identifier: BSD-3-Clause
// The table of all YAML keys: the one place that knows a key's name, type, limits and meaning.
//
// The check for unknown keys, the conversion of values, the record's `case` object and the table of
// docs/settings.md all read this table, so that none of them can fall behind.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/case.hpp"
#include "config/reader.hpp"
#include "config/scalar.hpp"

namespace tidemark::config {

/// A setting's value, as read and as recorded.
using Value = std::variant<bool, std::int64_t, double, std::string>;

struct Boolean {};
struct Text {};
/// One of a few words: exactly those that this version implements.
struct Choice {
  std::vector<std::string> words;
};
/// What a key accepts.
using Type = std::variant<Boolean, IntegerRange, RealRange, Choice, Text>;

/// One row of the table.
struct Setting {
  std::string name;  ///< dotted, as after --set: `model.hidden_size`
  Type type;
  bool required;
  std::string fallback;  ///< the default in words, where it is not simply that of a new Case
  std::string meaning;   ///< one line, with the unit

  /// Store a value of the right type into a case; read it back.
  std::function<void(Case&, const Value&)> set;
  std::function<Value(const Case&)> get;

  /// What may be written for this key: "1 to 2147483647", "fp32, fp64", ...
  [[nodiscard]] std::string accepted() const;
  /// Converts a leaf of the input. Throws InputError (`LOCATION: KEY: ...`).
  [[nodiscard]] Value parse(const Node& node) const;
};

/// Largest value of any size: BLAS and MPI count in 32-bit integers.
inline constexpr std::int64_t max_size = 2147483647;

/// All keys in the order of docs/settings.md and of the record.
[[nodiscard]] const std::vector<Setting>& settings();

/// The row of that name, or nullptr.
[[nodiscard]] const Setting* find_setting(std::string_view name);

/// True for `model`, `bench`, ...: the names before the dots.
[[nodiscard]] bool is_section(std::string_view name);

/// "unknown key; did you mean model.hidden_size?": what to say of a name that is no key.
/// `prefix` ("sweep." or nothing) stands before the name that is suggested.
[[nodiscard]] std::string unknown_key_message(std::string_view name, std::string_view prefix = "");

/// The same for a name that is none of `known`, which is not empty.
[[nodiscard]] std::string unknown_key_message(std::string_view name,
                                              const std::vector<std::string_view>& known,
                                              std::string_view prefix = "");

/// Shortest text that reads back as `value`.
[[nodiscard]] std::string format_value(const Value& value);

/// Every setting of a resolved case with its value, in the table's order: the record's `case`.
[[nodiscard]] std::vector<std::pair<std::string, Value>> resolved_settings(const Case& c);

/// The table of YAML keys in docs/settings.md, one row per key, in Markdown.
[[nodiscard]] std::string key_table_markdown();

/// The same for a terminal: each key with its type, accepted values and default on one line, and
/// its meaning on the next line.
[[nodiscard]] std::string key_list();

}  // namespace tidemark::config
