// SPDX-License-Identifier: BSD-3-Clause
// One step of the full case at full size, with checks of all results and of all communication.
#pragma once

#include <vector>

#include "bench/step/step_digest.hpp"
#include "bench/verify/verification.hpp"
#include "comm/communicator.hpp"
#include "model/stack.hpp"

namespace tidemark::bench {

/// The findings of the checked step.
struct CheckedStep {
  std::vector<Check> checks;  ///< equal on all ranks
  StepDigest digest;          ///< of this rank, for comparison with the timed steps
};

/// Runs one step of the stack on the schedule, buffers, device and communicator of the timed steps.
/// Its collectives go through a comm::CheckingCommunicator, and its products through a
/// kernels::ProductCheck. Output and gradients must be finite. Replicated tensors must be equal to
/// the bit on all ranks. Collective.
template <class T>
CheckedStep run_checked_step(model::Stack<T>& stack);

/// Fills the memory that the pool holds and no activation uses with NaN. So a read that is too
/// early, or a transfer that never happened, shows. Returns when it is done.
void fill_free_memory_with_nan(const Device& device, const memory::Ledger& ledger);

}  // namespace tidemark::bench
