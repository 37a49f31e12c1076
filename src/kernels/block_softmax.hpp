// The softmax of blocked attention: one block of queries against one block of keys at a time.
//
// Forward: the online softmax of Milakov and Gimelshein ("Online normalizer calculation for
// softmax", 2018) as Rabe and Staats ("Self-attention does not need O(n²) memory", 2021) apply it;
// backward: from the saved log-sum-exp, as in Dao et al. ("FlashAttention", 2022). Masks are drawn
// from the global index of each score, in either direction, and never stored.
#pragma once

#include <cstdint>

#include "base/device.hpp"
#include "kernels/dropout.hpp"

namespace tidemark::kernels {

/// Where a block of scores lies in the [s, s] matrix of its head and sequence, and how to read it.
struct ScoreBlock {
  std::int64_t first_query = 0;
  std::int64_t first_key = 0;
  std::int64_t length = 0;  ///< s
  double scale = 1.0;       ///< 1/sqrt(d)
  bool causal = true;       ///< query i sees the keys 0 to i; the block must show it at least one
};

/// What a query row has seen so far: its highest score, unscaled, and the sum of
/// exp(scale (score - highest)). statistics [M, 2], one row a query of the block.
template <class F>
void begin_online_softmax(Device& device, const Matrix<F>& statistics, const Matrix<F>& sums);

/// Takes one more block of keys in. scores [M, N] become the weights that multiply the values,
/// dropped and scaled; sums [M, d], the products so far, are rescaled to the new highest score, so
/// that the caller adds scores x values to them. `dropout.first_element` is that of the head's
/// [s, s] matrix.
template <class F>
void online_softmax(Device& device, const ScoreBlock& block, const Dropout& dropout,
                    const Matrix<F>& scores, const Matrix<F>& statistics, const Matrix<F>& sums);

/// context [M, d] = sums / sum of weights; log_sum_exp [M] of the scaled scores.
template <class T>
void end_online_softmax(Device& device, const ScoreBlock& block,
                        const Matrix<Accumulate<T>>& statistics, const Matrix<Accumulate<T>>& sums,
                        const Matrix<T>& context, const Vector<Accumulate<T>>& log_sum_exp);

/// projections [s] = sum over columns of x * y, row by row: what the softmax's backward subtracts.
/// x, y [s, d].
template <class T>
void row_products(Device& device, const Matrix<T>& x, const Matrix<T>& y,
                  const Vector<Accumulate<T>>& projections);

/// scores [M, N] -> dropped weights, for the gradient of the values; gradient [M, N], that of the
/// dropped weights -> that of the scores before scaling. log_sum_exp, projections [M].
template <class F>
void block_softmax_backward(Device& device, const ScoreBlock& block, const Dropout& dropout,
                            const Vector<F>& log_sum_exp, const Vector<F>& projections,
                            const Matrix<F>& scores, const Matrix<F>& gradient);

}  // namespace tidemark::kernels
