// SPDX-License-Identifier: BSD-3-Clause
// What an acceptance requires of records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "criteria/path.hpp"
#include "criteria/unit.hpp"

namespace tidemark::criteria {

/// Selects the records that a criterion is about: those that have one of the values at the path.
struct Condition {
  RecordPath path;
  std::string shown;                ///< the key as written
  std::vector<std::string> values;  ///< as written
};

/// A figure must lie between bounds.
struct Bounds {
  RecordPath key;
  Unit unit;         ///< of the bounds, as written
  Unit record_unit;  ///< of the figure in the record
  std::optional<double> least, most;
};

/// A value must be one of several.
struct Equality {
  RecordPath key;
  std::vector<std::string> values;  ///< as written
};

/// Repeated measurements must differ by no more than a share of their median.
struct Spread {
  enum class Over {
    iterations,  ///< of one record: the key holds a list of numbers
    records,     ///< with the same resolved case: the key holds a number
  };
  RecordPath key;
  Over over;
  double most;
};

/// The busy time of the straggler may exceed the median of the ranks by at most this share of it.
struct Straggler {
  double most;
};

/// Every record must have passed its verification.
struct Validity {};

struct Criterion {
  std::string name;
  std::string where_written;  ///< FILE:LINE:COL
  std::vector<Condition> where;
  /// The least number of different resolved cases.
  std::int64_t min_cases = 1;
  std::variant<Bounds, Equality, Spread, Straggler, Validity> demand;
};

}  // namespace tidemark::criteria
