// SPDX-License-Identifier: BSD-3-Clause
// Compares records with criteria, one record at a time.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "criteria/criterion.hpp"

namespace tidemark::criteria {

/// The result of one criterion.
struct Verdict {
  std::string name;
  std::string where_written;  ///< FILE:LINE:COL
  std::size_t records = 0;    ///< that the criterion is about
  std::size_t failed = 0;     ///< failures; a missing case or one without repetition counts, too
  std::string bound;          ///< what the criterion requires
  std::string label;          ///< the record nearest to the bound, or farthest beyond it
  std::string measured;       ///< in that record
  std::vector<std::string> reasons;  ///< of the first failures

  [[nodiscard]] bool passed() const { return records > 0 && failed == 0; }
};

/// Most failures of one criterion that are reported one by one.
inline constexpr std::size_t max_reasons = 3;

/// One criterion and what it has found so far.
class Judge {
 public:
  explicit Judge(Criterion criterion);

  /// Checks the record of a run. `record` has the top-level keys that `wanted_keys` names.
  void look_at(const nlohmann::json& record, std::size_t line);
  /// To be called after the last record.
  [[nodiscard]] Verdict verdict();

 private:
  /// How far a value is inside its bound, as a share of the bound; negative if it is beyond the
  /// bound.
  struct Finding {
    double margin = 0.0;
    std::string measured;
    std::string reason;  ///< of a failure
  };
  /// Values of the records that have the same resolved case, and the label of the last of them.
  struct Repeats {
    std::vector<double> values;
    std::string label;
  };

  [[nodiscard]] bool is_about(const nlohmann::json& record) const;
  void enter(const Finding& finding, const std::string& label);
  void fail(const std::string& reason, const std::string& label);

  void judge(const Bounds& bounds, const nlohmann::json& record, const std::string& label);
  void judge(const Equality& equality, const nlohmann::json& record, const std::string& label);
  void judge(const Spread& spread, const nlohmann::json& record, const std::string& label);
  void judge(const Straggler& straggler, const nlohmann::json& record, const std::string& label);
  void judge(const Validity& validity, const nlohmann::json& record, const std::string& label);
  void judge_spread(const Spread& spread, const std::vector<double>& values,
                    const std::string& label);
  void finish();

  Criterion criterion_;
  Verdict verdict_;
  std::optional<double> least_margin_;
  std::map<std::pair<int, std::string>, Repeats> repeats_;  ///< by version and resolved case
  std::map<int, std::set<std::string>> cases_;  ///< by version; filled if cases are counted
};

/// The top-level keys of a record that the criteria use.
std::set<std::string> wanted_keys(const std::vector<Criterion>& criteria);

}  // namespace tidemark::criteria
