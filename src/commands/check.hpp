// SPDX-License-Identifier: BSD-3-Clause
// `tidemark check`: records held against criteria.
#pragma once

#include <string>

#include "base/error.hpp"

namespace tidemark::commands {

/// The arguments of `tidemark check`.
struct CheckArguments {
  std::string results;   ///< file of records
  std::string criteria;  ///< YAML
};

/// Prints a table of criteria and verdicts; in this process alone, without MPI, without a device.
/// Returns `invalid` when a criterion is missed. Throws InputError where a file is wrong, and,
/// after the table, where a criterion is about no record at all.
ExitStatus check(const CheckArguments& arguments);

}  // namespace tidemark::commands
