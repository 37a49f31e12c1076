// The books of a case: what ledger, counters and products recorded, held against theory.
#pragma once

#include <vector>

#include "bench/result.hpp"
#include "bench/verify/verification.hpp"
#include "comm/counters.hpp"
#include "memory/ledger.hpp"

namespace tidemark::bench {

/// Saved tensors a layer, and of the ends, from what was live at the turn, beside the formula's.
/// The layer that saves most stands for all; the check below asserts that they are alike.
MemoryFigures memory_of(const config::Case& c, const memory::Tide& tide);

/// Every layer must hold exactly the tensors of the formula, to the byte, all entered as saved, and
/// besides them only those of the ends by formula, or the output of a stack without ends, may be
/// live at the turn. The value is the number of differences.
Check check_saved(const config::Case& c, const memory::Tide& tide);

/// Calls, message bytes and wire bytes of `steps` steps must be those of theory::step_traffic. The
/// value is the number of differences.
Check check_traffic(const config::Case& c, const comm::Counters& counters, int steps);

/// Counters of `steps` steps of this rank as figures of one step.
std::vector<CallLine> calls_per_step(const comm::Counters& counters, int ranks, int steps);

/// The products of a step must have done the operations of theory::launched_flops_per_step. The
/// value is the difference, in operations.
Check check_flops(const config::Case& c, std::uint64_t gemm_flops_per_step);

}  // namespace tidemark::bench
