// SPDX-License-Identifier: BSD-3-Clause
// What came of criteria, as a person reads it.
#pragma once

#include <string>
#include <vector>

#include "criteria/evaluation.hpp"

namespace tidemark::criteria {

/// A row for each criterion, then the reasons of those that were missed.
std::string verdict_table(const std::vector<Verdict>& verdicts);

}  // namespace tidemark::criteria
