// SPDX-License-Identifier: BSD-3-Clause
// The embedding of synthetic tokens. Its table is divided among the ranks by rows (Shoeybi et al.,
// "Megatron-LM", 2019).
#pragma once

#include <cstdint>

#include "base/device.hpp"
#include "base/philox.hpp"

namespace tidemark::kernels {

/// The text: position i of sequence m holds the id (word V) >> 32. `word` is that of element i b +
/// m of the stream. The text is not stored.
struct Tokens {
  philox::Key key;
  std::int64_t vocabulary = 0;  ///< V, without padding
  std::int64_t batch = 1;       ///< b

  /// The id at row i b + m of an activation [s b, h].
  [[nodiscard]] KOKKOS_INLINE_FUNCTION std::int64_t input(std::int64_t row) const {
    const std::uint64_t word = philox::word_of_element(key, static_cast<std::uint64_t>(row));
    return static_cast<std::int64_t>((word * static_cast<std::uint64_t>(vocabulary)) >> 32);
  }
  /// The label of that row: the id of the next position.
  [[nodiscard]] KOKKOS_INLINE_FUNCTION std::int64_t label(std::int64_t row) const {
    return input(row + batch);
  }
};

/// y[r] = table[id of token r - first_id] if this rank's table has that row, else 0. It is this
/// rank's term of a sum. y [s b, h]; table [V'/t, h].
template <class T>
void embedding_forward(Device& device, const Tokens& tokens, std::int64_t first_id,
                       const Matrix<T>& table, const Matrix<T>& y);

/// Adds each token's gradient dy [s b, h] to the row of `gradient` [V'/t, h] of the token's id.
/// Works token by token, so that the result does not depend on scheduling.
template <class T>
void embedding_backward(Device& device, const Tokens& tokens, std::int64_t first_id,
                        const Matrix<T>& dy, const Matrix<Accumulate<T>>& gradient);

}  // namespace tidemark::kernels
