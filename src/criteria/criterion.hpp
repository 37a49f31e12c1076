// SPDX-License-Identifier: BSD-3-Clause
// What an acceptance asks of records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "criteria/path.hpp"
#include "criteria/unit.hpp"

namespace tidemark::criteria {

/// Which records a criterion is about: those that have one of the values at a place.
struct Condition {
  RecordPath path;
  std::string shown;                ///< the key as written
  std::vector<std::string> values;  ///< as written
};

/// A figure lies between bounds.
struct Bounds {
  RecordPath key;
  Unit unit;         ///< of the bounds, as written
  Unit record_unit;  ///< of the figure in the record
  std::optional<double> least, most;
};

/// A value is one of a few.
struct Equality {
  RecordPath key;
  std::vector<std::string> values;  ///< as written
};

/// Repeated measurements differ by no more than a share of their median.
struct Spread {
  enum class Over {
    iterations,  ///< of one record: the key holds a list of numbers
    records,     ///< that have the same resolved case: the key holds a number
  };
  RecordPath key;
  Over over;
  double most;
};

/// The busiest rank is above the median of the ranks by no more than a share of it.
struct Straggler {
  double most;
};

/// Every record passed its verification.
struct Validity {};

struct Criterion {
  std::string name;
  std::string where_written;  ///< FILE:LINE:COL
  std::vector<Condition> where;
  /// So many different resolved cases have to be there, at least.
  std::int64_t min_cases = 1;
  std::variant<Bounds, Equality, Spread, Straggler, Validity> demand;
};

}  // namespace tidemark::criteria
