// SPDX-License-Identifier: BSD-3-Clause
// Holds records against criteria, one record at a time.
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

/// What came of one criterion.
struct Verdict {
  std::string name;
  std::string where_written;  ///< FILE:LINE:COL
  std::size_t records = 0;    ///< that it was about
  std::size_t failed = 0;     ///< of them; where cases are missing or alone, these count as well
  std::string bound;          ///< what was asked for
  std::string label;          ///< the record nearest to the bound, or furthest beyond it
  std::string measured;       ///< there
  std::vector<std::string> reasons;  ///< of the first failures

  [[nodiscard]] bool passed() const { return records > 0 && failed == 0; }
};

/// Most failures of one criterion that are told one by one.
inline constexpr std::size_t max_reasons = 3;

/// One criterion and what it has seen.
class Judge {
 public:
  explicit Judge(Criterion criterion);

  /// Looks at a record of a run: its keys of the top level, as far as `wanted_keys` names them.
  void look_at(const nlohmann::json& record, std::size_t line);
  /// After the last record.
  [[nodiscard]] Verdict verdict();

 private:
  /// How far inside its bound something is, as a share of the bound; negative beyond it.
  struct Finding {
    double margin = 0.0;
    std::string measured;
    std::string reason;  ///< of a failure
  };
  /// Values of records that have the same resolved case, and the last of these records.
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
  std::map<int, std::set<std::string>> cases_;  ///< by version; filled where they are to be counted
};

/// Keys of a record's top level that the criteria look at.
std::set<std::string> wanted_keys(const std::vector<Criterion>& criteria);

}  // namespace tidemark::criteria
