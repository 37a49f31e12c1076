// SPDX-License-Identifier: BSD-3-Clause
// The table for people, with one row per case.
#pragma once

#include <string>
#include <vector>

#include "bench/result.hpp"

namespace tidemark::report {

/// Two header lines with the names and units of the columns. `cases` are all cases of the run.
/// Swept settings that have no column of their own are shown in the first column.
std::string table_header(const std::vector<config::Case>& cases);

/// The row of one result. `cases` must be those of the header.
std::string table_row(const std::vector<config::Case>& cases, const bench::CaseResult& result);

/// The row for a case that is not measured, because the file `results` already has it.
std::string skipped_row(const std::vector<config::Case>& cases, const config::Case& c,
                        const std::string& results);

/// Why a result is not valid, one line per failed check; empty for a valid result.
std::string failure_lines(const bench::CaseResult& result);

/// "TP", "TP+SP", "TP+SP keep", or "single" for one rank, with what is recomputed or blocked:
/// "TP+SP+selective".
std::string mode_of(const config::Case& c);

/// The swept settings of a case except its mode and t, "micro_batch_size=4"; empty if there are
/// none.
std::string sweep_label(const config::Case& c);

/// What the cases of an input usually share: "name: L 2, h 2048, ..., fp32". The family and g are
/// shown if the family is not GPT.
std::string shape_of(const config::Case& c);

/// One line for every vocabulary that had to be padded; empty if there is none.
std::string padding_lines(const std::vector<config::Case>& cases);

/// A table of what was live at the tide, the largest first, with at most `lines` lines.
std::string tide_lines(const bench::CaseResult& result, std::size_t lines);

}  // namespace tidemark::report
