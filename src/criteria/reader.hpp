// SPDX-License-Identifier: BSD-3-Clause
// Reads criteria files; their keys are in docs/run-rules.md.
#pragma once

#include <string>
#include <vector>

#include "criteria/criterion.hpp"

namespace tidemark::criteria {

/// The criteria of a file, in order; `file` is its name for messages. Throws InputError, one line,
/// `FILE:LINE:COL: KEY: ...`, for unknown keys, wrong types, units that do not belong to the key,
/// duplicates, and criteria that ask for nothing or for several things.
std::vector<Criterion> read_criteria(const std::string& text, const std::string& file);

}  // namespace tidemark::criteria
