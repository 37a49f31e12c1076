// SPDX-License-Identifier: BSD-3-Clause
// The lines that a run prints on the products of a case: their library, their rate and the ceiling.
#pragma once

#include <string>

#include "bench/result.hpp"

namespace tidemark::report {

/// A line if the product rate is lower than the rate of the step; otherwise empty.
std::string disturbance_line(const bench::CaseResult& result);

/// A line with the utilisation and its ceiling; empty if the ceiling is not known.
std::string utilisation_line(const bench::CaseResult& result);

/// A line with the library that formed the products, and the rates that decided.
std::string products_line(const bench::CaseResult& result);

}  // namespace tidemark::report
