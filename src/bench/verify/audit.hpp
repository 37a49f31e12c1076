// SPDX-License-Identifier: BSD-3-Clause
// Compares the records of ledger, counters and products with the theory.
#pragma once

#include <vector>

#include "bench/result.hpp"
#include "bench/verify/verification.hpp"
#include "comm/counters.hpp"
#include "memory/ledger.hpp"

namespace tidemark::bench {

/// The saved tensors per layer and of the ends: what was live at the turn, and the formula. The
/// layer that saves most represents all layers. check_saved tests that they are equal.
MemoryFigures memory_of(const config::Case& c, const memory::Tide& tide);

/// Every layer must hold exactly the tensors of the formula, to the byte, all entered as saved.
/// Only two other things may be live at the turn: the ends' tensors by formula, or the
/// output of a stack without ends. The value is the number of differences.
Check check_saved(const config::Case& c, const memory::Tide& tide);

/// Calls, message bytes and wire bytes of `steps` steps must equal those of theory::step_traffic.
/// The value is the number of differences.
Check check_traffic(const config::Case& c, const comm::Counters& counters, int steps);

/// The counters of `steps` steps of this rank as figures of one step.
std::vector<CallLine> calls_per_step(const comm::Counters& counters, int ranks, int steps);

/// The products of a step must have done the operations of theory::launched_flops_per_step. The
/// value is the difference in operations.
Check check_flops(const config::Case& c, std::uint64_t gemm_flops_per_step);

}  // namespace tidemark::bench
