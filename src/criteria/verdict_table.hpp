// SPDX-License-Identifier: BSD-3-Clause
// The results of criteria, as a table for people.
#pragma once

#include <string>
#include <vector>

#include "criteria/evaluation.hpp"

namespace tidemark::criteria {

/// One row per criterion, then the reasons of the criteria that failed.
std::string verdict_table(const std::vector<Verdict>& verdicts);

}  // namespace tidemark::criteria
