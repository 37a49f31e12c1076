// One step of the full case, at full size, with everything checked that it computes and exchanges.
#pragma once

#include <vector>

#include "bench/step/step_digest.hpp"
#include "bench/verify/verification.hpp"
#include "comm/communicator.hpp"
#include "model/stack.hpp"

namespace tidemark::bench {

/// What the checked step found.
struct CheckedStep {
  std::vector<Check> checks;  ///< the same on all ranks
  StepDigest digest;          ///< of this rank, for the timed steps to be compared with
};

/// Runs one step of the stack as it is to be timed: on the same schedule, buffers and device, over
/// the same communicator, which is the stack's. Its collectives go through a
/// comm::CheckingCommunicator, its products through a kernels::ProductCheck. Output and gradients
/// must be finite, and what is replicated must be the same to the bit on all ranks. Collective.
template <class T>
CheckedStep run_checked_step(model::Stack<T>& stack);

/// Fills the memory that is held for activations and belongs to none with NaN, so that whatever
/// reads it too early, or never got what it waits for, shows. Returns when it is done.
void fill_free_memory_with_nan(const Device& device, const memory::Ledger& ledger);

}  // namespace tidemark::bench
