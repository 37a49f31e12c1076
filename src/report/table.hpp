// SPDX-License-Identifier: BSD-3-Clause
// The table a person reads: one row a case.
#pragma once

#include <string>
#include <vector>

#include "bench/result.hpp"

namespace tidemark::report {

/// Two header lines with the names and units of the columns. `cases` are all those of the run:
/// what they sweep, beyond the columns that are always there, becomes the first column.
std::string table_header(const std::vector<config::Case>& cases);

/// The row of one result, under the header of the same cases.
std::string table_row(const std::vector<config::Case>& cases, const bench::CaseResult& result);

/// In place of the row of a case that was measured earlier, into the file `results`.
std::string skipped_row(const std::vector<config::Case>& cases, const config::Case& c,
                        const std::string& results);

/// Why a result is not valid: one line a failed check; empty for a valid one.
std::string failure_lines(const bench::CaseResult& result);

/// "TP", "TP+SP", "TP+SP keep" or, for one rank, "single", and what is recomputed or blocked:
/// "TP+SP+selective".
std::string mode_of(const config::Case& c);

/// What a case sweeps beyond its mode and t, "micro_batch_size=4"; empty where that is nothing.
std::string sweep_label(const config::Case& c);

/// What all cases of an input usually share: "name: L 2, h 2048, ..., fp32"; the family, and g,
/// where that is not GPT.
std::string shape_of(const config::Case& c);

/// One line for every vocabulary that had to be padded; empty where none had.
std::string padding_lines(const std::vector<config::Case>& cases);

/// A table of what was live at the tide, the largest first, at most `lines` lines.
std::string tide_lines(const bench::CaseResult& result, std::size_t lines);

}  // namespace tidemark::report
