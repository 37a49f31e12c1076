// SPDX-License-Identifier: BSD-3-Clause
// Finds the cases that an earlier run has already measured.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/case.hpp"

namespace tidemark::commands {

/// For each of `cases`, whether `results` holds a valid record with the same value of every
/// setting. Records of runs that were disturbed for a test do not count. Each record counts for one
/// case. A line that is damaged or is not a record does not count. `results` need not exist.
std::vector<bool> finished_cases(const std::filesystem::path& results,
                                 const std::vector<config::Case>& cases);

/// The same as text, to send it to other ranks: one character per case, '1' if it is finished.
std::string text_of(const std::vector<bool>& finished);

}  // namespace tidemark::commands
