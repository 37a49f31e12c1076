// SPDX-License-Identifier: BSD-3-Clause
// The softmax of blocked attention: one block of queries against one block of keys at a time.
//
// Forward uses the online softmax of Milakov and Gimelshein ("Online normalizer calculation for
// softmax", 2018) as in Rabe and Staats ("Self-attention does not need O(n²) memory", 2021).
// Backward uses the saved log-sum-exp, as in Dao et al. ("FlashAttention", 2022). Both directions
// draw masks from the global index of each score, and never store them.
#pragma once

#include <cstdint>

#include "base/matrix_batch.hpp"
#include "kernels/dropout.hpp"

namespace tidemark::kernels {

/// The place of a block of scores in the [s, s] matrix of its head and sequence, and how to read
/// it. The blocks of a batch have the same place in several such matrices.
struct ScoreBlock {
  std::int64_t first_query = 0;
  std::int64_t first_key = 0;
  std::int64_t length = 0;  ///< s
  double scale = 1.0;       ///< 1/sqrt(d)
  bool causal = true;       ///< query i sees the keys 0 to i, at least one of them in the block
  /// In a batch: elements of the global [a, b, s, s] from one of these matrices to the next.
  std::int64_t distance = 0;
};

/// Initialises `statistics` [M, 2] and `sums`. A row of `statistics` belongs to one query. It has
/// the highest unscaled score so far, and the sum of exp(scale (score - highest)).
template <class F>
void begin_online_softmax(Device& device, const MatrixBatch<F>& statistics,
                          const MatrixBatch<F>& sums);

/// Processes one more block of keys. scores [M, N] become the weights of the values, dropped and
/// scaled. sums [M, d], the products so far, are rescaled to the new highest score. Then the caller
/// adds scores x values to them. `dropout.first_element` is that of the first member's [s, s]
/// matrix.
template <class F>
void online_softmax(Device& device, const ScoreBlock& block, const Dropout& dropout,
                    const MatrixBatch<F>& scores, const MatrixBatch<F>& statistics,
                    const MatrixBatch<F>& sums);

/// context [M, d] = sums / sum of weights; log_sum_exp [M, 1] of the scaled scores.
template <class T>
void end_online_softmax(Device& device, const ScoreBlock& block,
                        const MatrixBatch<Accumulate<T>>& statistics,
                        const MatrixBatch<Accumulate<T>>& sums, const MatrixBatch<T>& context,
                        const MatrixBatch<Accumulate<T>>& log_sum_exp);

/// projections [s, 1] = sum over columns of x * y, row by row. The backward of the softmax
/// subtracts it. x, y [s, d].
template <class T>
void row_products(Device& device, const MatrixBatch<T>& x, const MatrixBatch<T>& y,
                  const MatrixBatch<Accumulate<T>>& projections);

/// Backward of one block, in place. scores [M, N] become the dropped weights, for the gradient of
/// the values. gradient [M, N] of the dropped weights becomes that of the scores before scaling.
/// log_sum_exp, projections [M, 1].
template <class F>
void block_softmax_backward(Device& device, const ScoreBlock& block, const Dropout& dropout,
                            const MatrixBatch<F>& log_sum_exp, const MatrixBatch<F>& projections,
                            const MatrixBatch<F>& scores, const MatrixBatch<F>& gradient);

}  // namespace tidemark::kernels
