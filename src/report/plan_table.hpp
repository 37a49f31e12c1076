// SPDX-License-Identifier: BSD-3-Clause
// The tables of `tidemark plan`: cases side by side, in bytes per rank.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/result.hpp"

namespace tidemark::report {

/// Rows are quantities, columns are cases, a few of them beside each other and the rest below:
/// saved bytes a layer by tensor with their sum and the published closed form, the ends, the whole
/// stack, what lives at the tide, what training holds and whether that is at most `device_memory`
/// bytes, operations, and collectives with their wire bytes.
std::string plan_tables(const std::vector<bench::PlanResult>& plans,
                        std::optional<std::int64_t> device_memory);

}  // namespace tidemark::report
