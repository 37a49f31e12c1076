// SPDX-License-Identifier: BSD-3-Clause
// The table of all YAML keys. It is the only place with a key's name, type, limits and meaning.
//
// The check for unknown keys, the conversion of values, the record's `case` object and the table of
// docs/settings.md all read this table. So all of them are always up to date.
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

/// A setting's value, as it is read and recorded.
using Value = std::variant<bool, std::int64_t, double, std::string>;

struct Boolean {};
struct Text {};
/// One of a few words. They are exactly those that this version implements.
struct Choice {
  std::vector<std::string> words;
};
/// The values that a key accepts.
using Type = std::variant<Boolean, IntegerRange, RealRange, Choice, Text>;

/// One row of the table.
struct Setting {
  std::string name;  ///< dotted, as after --set: `model.hidden_size`
  Type type;
  bool required;
  std::string fallback;  ///< the default in words, if it is not the value of a new Case
  std::string meaning;   ///< one line, with the unit

  /// `set` stores a value of the right type into a case; `get` reads it back.
  std::function<void(Case&, const Value&)> set;
  std::function<Value(const Case&)> get;

  /// The accepted values in words: "1 to 2147483647", "fp32, fp64", ...
  [[nodiscard]] std::string accepted() const;
  /// Converts a leaf of the input. Throws InputError (`LOCATION: KEY: ...`).
  [[nodiscard]] Value parse(const Node& node) const;
};

/// Largest value of any size, because BLAS and MPI count in 32-bit integers.
inline constexpr std::int64_t max_size = 2147483647;

/// All keys in the order of docs/settings.md and of the record.
[[nodiscard]] const std::vector<Setting>& settings();

/// The row of that name, or nullptr.
[[nodiscard]] const Setting* find_setting(std::string_view name);

/// True for `model`, `bench`, ...: the names before the dots.
[[nodiscard]] bool is_section(std::string_view name);

/// The message for a name that is no key: "unknown key; did you mean model.hidden_size?". `prefix`
/// ("sweep." or nothing) is written before the suggested name.
[[nodiscard]] std::string unknown_key_message(std::string_view name, std::string_view prefix = "");

/// The same for a name that is not in `known`. `known` must not be empty.
[[nodiscard]] std::string unknown_key_message(std::string_view name,
                                              const std::vector<std::string_view>& known,
                                              std::string_view prefix = "");

/// The shortest text that reads back as `value`.
[[nodiscard]] std::string format_value(const Value& value);

/// Every setting of a resolved case with its value, in the order of the table: the record's `case`.
[[nodiscard]] std::vector<std::pair<std::string, Value>> resolved_settings(const Case& c);

/// The table of YAML keys in docs/settings.md, one row per key, in Markdown.
[[nodiscard]] std::string key_table_markdown();

/// The same for a terminal: each key with its type, accepted values and default on one line, and
/// its meaning on the next line.
[[nodiscard]] std::string key_list();

}  // namespace tidemark::config
