// SPDX-License-Identifier: BSD-3-Clause
// What an earlier run has measured already.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/case.hpp"

namespace tidemark::commands {

/// For each of `cases` whether `results` holds a valid record of it, of a run that nobody
/// disturbed: one with the same value of every setting. Each record counts for one case. A line
/// that is damaged or no record counts for none. `results` need not exist.
std::vector<bool> finished_cases(const std::filesystem::path& results,
                                 const std::vector<config::Case>& cases);

/// The same as text, for sending it to other ranks: one character per case, '1' where it is finished.
std::string text_of(const std::vector<bool>& finished);

}  // namespace tidemark::commands
