// SPDX-License-Identifier: BSD-3-Clause
// The path of a value in a record.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace tidemark::criteria {

/// What a path finds in a record: values of that record, or why there are none.
struct Found {
  std::vector<const nlohmann::json*> values;
  std::string missing;  ///< names the first missing part; empty if none is missing
};

/// A dotted path, with a selection after each key that holds a list: `time.step_ms.median`,
/// `comm.calls[op=all_reduce,purpose=activation].busbw_gbytes_per_s`, `ranks_detail[0].host`,
/// `ranks_detail[*].busy_ms`.
///
/// A selection takes one element by its index (from 0), all elements, or the elements whose keys
/// have the given values.
class RecordPath {
 public:
  /// Throws InputError, `WHERE: KEY: ...`, if `text` is not a path or does not begin with a
  /// top-level key of the record.
  static RecordPath parse(const std::string& text, const std::string& where);

  [[nodiscard]] const std::string& text() const { return text_; }
  /// The top-level key that the path begins with.
  [[nodiscard]] const std::string& root() const { return steps_.front().key; }
  /// The keys from the first to the last, without selections.
  [[nodiscard]] std::vector<std::string> keys() const;
  /// True if the path can find more than one value.
  [[nodiscard]] bool finds_many() const;

  /// The values at this path; null counts as missing.
  [[nodiscard]] Found find(const nlohmann::json& record) const;

 private:
  struct All {};
  using Matches = std::vector<std::pair<std::string, std::string>>;
  using Selection = std::variant<std::size_t, All, Matches>;
  struct Step {
    std::string key;
    std::vector<Selection> selections;
  };

  static Step parse_step(std::string_view text, const std::string& whole, const std::string& where);
  static Selection parse_selection(std::string_view text, const std::string& whole,
                                   const std::string& where);
  static std::string text_of(const Selection& selection);
  static std::vector<const nlohmann::json*> select(const nlohmann::json& list,
                                                   const Selection& selection);

  std::string text_;
  std::vector<Step> steps_;
};

/// Whether `text` is a written form of `value`. That is the characters of a string, any decimal
/// form of a number, or the word true, false or null.
bool is_written_as(const nlohmann::json& value, std::string_view text);

/// The top-level keys of a record.
const std::vector<std::string_view>& record_keys();

}  // namespace tidemark::criteria
