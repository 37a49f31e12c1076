// SPDX-License-Identifier: BSD-3-Clause
// The lines that a run prints on communication and on how it was hidden.
#pragma once

#include <string>

#include "bench/result.hpp"

namespace tidemark::report {

/// The lines below the row of a case; empty if overlap was not measured. They show the times of the
/// five step variants, and the efficiency with its interval and bound. They also show what
/// communication costs, what remains of that, both measures of exposed time, and what makes the
/// figures void.
std::string overlap_lines(const bench::CaseResult& result);

/// A line if the steps became slower or faster while they were measured; otherwise empty.
std::string drift_line(const bench::CaseResult& result);

/// A line if data between ranks travel through the host's memory; otherwise empty.
std::string transport_line(const bench::CaseResult& result);

/// A line with the bytes that cross from node to node. Empty if there are none, or if a library
/// that does not tell carried out a call.
std::string network_line(const bench::CaseResult& result);

/// The choices of `comm.algorithm: auto`, one line per operation; empty if nothing was chosen.
std::string algorithm_lines(const bench::CaseResult& result);

}  // namespace tidemark::report
