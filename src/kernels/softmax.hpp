// SPDX-License-Identifier: BSD-3-Clause
// The softmax of the attention scores, fused with scale and causal mask before it, and dropout
// after it.
#pragma once

#include "base/matrix_batch.hpp"
#include "kernels/dropout.hpp"

namespace tidemark::kernels {

/// Start value of a search for the highest score. It is lower than any score, and its difference to
/// any score is finite.
template <class F>
inline constexpr F below_all_scores = sizeof(F) == sizeof(double) ? F(-1e300) : F(-1e37);

/// The meaning of the rows of a score matrix: row r has the scores of query (f + r) mod s over all
/// s keys. f is the first query.
struct ScoreShape {
  double scale = 1.0;  ///< 1/sqrt(d)
  bool causal = true;  ///< query i sees the keys 0 to i
  /// In a batch: elements of the global [a, b, s, s] from the first of one member to the first of
  /// the next. It does not depend on where their memory is.
  std::int64_t distance = 0;
  std::int64_t first_query = 0;  ///< f
  /// If T is narrower than the scores: the forward turns them into the factor of the values, for a
  /// product that does not read T.
  bool makes_factor = false;
};

/// Writes softmax(scale * scores) to `probabilities`, dropout(softmax) to `dropped`, and the mask.
/// A member of the batch has R rows of s keys, contiguous and consecutive in the
/// global [a, b, s, s]. `dropout` is that of the first member. scores [R, s] are overwritten.
///
/// If T is the type of scores, probabilities and scores may be one matrix. With `makes_factor`
/// scores become the factor of the values (dropped, or probabilities without dropout), rounded to
/// T. So the product need not convert it back. Without dropout, mask and dropped are not touched
/// and may be empty. Keys that a causal query does not see get probability 0 exactly.
template <class T>
void softmax_dropout_forward(Device& device, const ScoreShape& shape, const Dropout& dropout,
                             const MatrixBatch<Accumulate<T>>& scores,
                             const MatrixBatch<T>& probabilities,
                             const MatrixBatch<std::uint8_t>& mask, const MatrixBatch<T>& dropped);

/// In place: gradient of `dropped` (of the probabilities without dropout) -> gradient of the scores
/// before scaling. gradient, probabilities, mask [R, s], as above.
template <class T>
void softmax_dropout_backward(Device& device, const ScoreShape& shape, const Dropout& dropout,
                              const MatrixBatch<T>& probabilities,
                              const MatrixBatch<std::uint8_t>& mask,
                              const MatrixBatch<Accumulate<T>>& gradient);

}  // namespace tidemark::kernels
