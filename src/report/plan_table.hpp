// SPDX-License-Identifier: BSD-3-Clause
// The tables of `tidemark plan`: cases side by side, in bytes per rank.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/result.hpp"

namespace tidemark::report {

/// Rows are quantities and columns are cases. A few cases are side by side, and the others below
/// them. The rows are:
/// * saved bytes per layer by tensor, with their sum and the closed form, and those of the ends
/// * saved bytes of the whole stack, and what is live at the tide
/// * what training holds, and whether that is at most `device_memory` bytes
/// * operations, and collectives with their wire bytes
std::string plan_tables(const std::vector<bench::PlanResult>& plans,
                        std::optional<std::int64_t> device_memory);

}  // namespace tidemark::report
