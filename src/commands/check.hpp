// SPDX-License-Identifier: BSD-3-Clause
// `tidemark check`: compares records with criteria.
#pragma once

#include <string>

#include "base/error.hpp"

namespace tidemark::commands {

/// The arguments of `tidemark check`.
struct CheckArguments {
  std::string results;   ///< file of records
  std::string criteria;  ///< YAML
};

/// Prints a table of criteria and verdicts. Runs in this process only, without MPI and without a
/// device. Returns `invalid` if a criterion is missed. Throws InputError if a file is wrong. Also
/// throws it, after the table, if a criterion is about no record at all.
ExitStatus check(const CheckArguments& arguments);

}  // namespace tidemark::commands
