// SPDX-License-Identifier: BSD-3-Clause
// What a run prints of communication and how it was hidden.
#pragma once

#include <string>

#include "bench/result.hpp"

namespace tidemark::report {

/// Below a case's row: times of the five runs, efficiency with its interval and bound, what
/// communication costs and what of it is left, both measures of exposed time, and what makes the
/// figures void. Empty where nothing was measured.
std::string overlap_lines(const bench::CaseResult& result);

/// Below it: that the steps became slower or faster while they were measured, where they did.
std::string drift_line(const bench::CaseResult& result);

/// Below it: that the product rate is lower than that of the step, where it is.
std::string disturbance_line(const bench::CaseResult& result);

/// Below it: that what the ranks exchange takes the way through the host's memory, where it does.
std::string transport_line(const bench::CaseResult& result);

/// What `comm.algorithm: auto` chose, a line an operation; empty where nothing was chosen.
std::string algorithm_lines(const bench::CaseResult& result);

}  // namespace tidemark::report
