// SPDX-License-Identifier: BSD-3-Clause
// Cross-entropy over a vocabulary that is divided among the ranks. No rank ever holds all logits of
// a token (Shoeybi et al., "Megatron-LM", 2019, section 3).
#pragma once

#include <cstdint>

#include "base/device.hpp"
#include "kernels/embedding.hpp"

namespace tidemark::kernels {

/// The columns of the logits that one rank holds: the ids [first_id, first_id + valid), then
/// padding, which is ignored.
struct VocabularyShard {
  std::int64_t first_id = 0;
  std::int64_t valid = 0;
};

/// Numbers per token and rank: the highest logit, the sum of exp(logit - highest), and the label's
/// logit (0 if another rank has it).
inline constexpr std::int64_t loss_statistics = 3;

/// statistics [s b, 3] of this rank's logits [s b, V'/t]. A rank without valid columns gives a very
/// low highest logit and a sum of 0.
template <class F>
void cross_entropy_statistics(Device& device, const Tokens& tokens, const VocabularyShard& shard,
                              const Matrix<F>& logits, const Matrix<F>& statistics);

/// Turns logits into this rank's part of the softmax, in place. `statistics` [ranks s b, 3] are
/// those of all ranks. Padding becomes 0. Returns the sum over tokens of log-sum-exp minus the
/// label's logit, which is equal on all ranks. Fences. Returns 0 in a dry run.
template <class F>
double cross_entropy_forward(Device& device, const VocabularyShard& shard, std::int64_t ranks,
                             const Matrix<F>& statistics, const Matrix<F>& logits);

/// Turns the softmax into the gradient of the mean loss with respect to the logits, in place:
/// (softmax - 1 at the label) / (s b).
template <class F>
void cross_entropy_backward(Device& device, const Tokens& tokens, const VocabularyShard& shard,
                            const Matrix<F>& softmax);

}  // namespace tidemark::kernels
