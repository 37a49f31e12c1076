// The softmax of the attention scores, fused with what stands around it: scale and causal mask
// before, dropout after.
#pragma once

#include "base/device.hpp"
#include "kernels/dropout.hpp"

namespace tidemark::kernels {

/// What the rows of a score matrix mean: row r holds the scores of query r mod s over all s keys.
struct ScoreShape {
  double scale = 1.0;  ///< 1/sqrt(d)
  bool causal = true;  ///< query i sees the keys 0 to i
};

/// In place scores -> softmax(scale * scores), then dropped = dropout(softmax) and the mask.
/// probabilities [R, s] (R a multiple of s, contiguous, consecutive in the global [a, b, s, s]);
/// mask, dropped [R, s]. Without dropout, mask and dropped are not touched and may be empty.
/// Keys that a causal query does not see get probability 0 exactly.
template <class T>
void softmax_dropout_forward(Device& device, const ScoreShape& shape, const Dropout& dropout,
                             const Matrix<T>& probabilities, const Mask& mask,
                             const Matrix<T>& dropped);

/// In place: gradient of `dropped` (of the probabilities without dropout) -> gradient of the scores
/// before scaling. gradient, probabilities, mask [R, s].
template <class T>
void softmax_dropout_backward(Device& device, const ScoreShape& shape, const Dropout& dropout,
                              const Matrix<T>& probabilities, const Mask& mask,
                              const Matrix<T>& gradient);

}  // namespace tidemark::kernels
