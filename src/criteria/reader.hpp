// SPDX-License-Identifier: BSD-3-Clause
// Reads criteria files. docs/run-rules.md describes their keys.
#pragma once

#include <string>
#include <vector>

#include "criteria/criterion.hpp"

namespace tidemark::criteria {

/// The criteria of a file, in order; `file` is its name for messages. Throws InputError, one line,
/// `FILE:LINE:COL: KEY: ...`. Reasons are unknown keys, wrong types, units that do not belong to
/// the key, duplicates, and criteria with no requirement or several.
std::vector<Criterion> read_criteria(const std::string& text, const std::string& file);

}  // namespace tidemark::criteria
