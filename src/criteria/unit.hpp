// SPDX-License-Identifier: BSD-3-Clause
// Units of the figures in a record, and the units that a criterion may use instead.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::criteria {

/// Units of one dimension can be converted into each other.
enum class Dimension { none, time, bytes, byte_rate, operations, operation_rate, token_rate };

struct Unit {
  std::string_view name;  ///< as written, "ms"
  Dimension dimension = Dimension::none;
  double factor = 1.0;  ///< its size in the dimension's own unit: ms 1e-3
};

/// The unit of a figure, by its name in the record: the suffix of the last key. If the last key
/// only names a figure of a series (`step_ms.median`), it is the suffix of the key before.
/// Dimensionless, "1", if no name implies a unit.
Unit unit_of(const std::vector<std::string>& keys);

/// The unit with that name; nullptr if there is none.
const Unit* find_unit(std::string_view name);

/// The names of all units of a dimension: "s, ms, us".
std::string names_of(Dimension dimension);

}  // namespace tidemark::criteria
