// SPDX-License-Identifier: BSD-3-Clause
// Units of the figures in a record, and those that a criterion may use in their place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::criteria {

/// What can be converted into each other.
enum class Dimension { none, time, bytes, byte_rate, operations, operation_rate, token_rate };

struct Unit {
  std::string_view name;  ///< as written, "ms"
  Dimension dimension = Dimension::none;
  double factor = 1.0;  ///< of it there are so many in the dimension's own unit: ms 1e-3
};

/// The unit of a figure, by the name that it has in the record: the suffix of the last key, or of
/// the one before it where the last says which figure of a series (`step_ms.median`).
/// Dimensionless, "1", where no name says otherwise.
Unit unit_of(const std::vector<std::string>& keys);

/// The unit of that name; nullptr where there is none.
const Unit* find_unit(std::string_view name);

/// The names of all units of a dimension, "s, ms, us".
std::string names_of(Dimension dimension);

}  // namespace tidemark::criteria
