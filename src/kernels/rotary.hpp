// Rotary positions (Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding",
// 2021): a head's features j and j + d/2 are a point that turns with the position of its token.
#pragma once

#include <cstdint>

#include "base/device.hpp"

namespace tidemark::kernels {

/// Which columns of a matrix of tokens turn: those of the first `turning` heads of each group.
struct RotaryShape {
  std::int64_t groups = 0;     ///< of columns, each of `turning + resting` heads
  std::int64_t turning = 0;    ///< heads that turn: those of the queries, and the keys
  std::int64_t resting = 0;    ///< heads that do not: the values
  std::int64_t head_size = 0;  ///< d, even
  std::int64_t batch = 1;      ///< b: row i b + m is position i of sequence m
};

enum class Turn { forward, back };

/// table [s, d]: of position i and pair j the cosine, column j, and the sine, column j + d/2, of
/// the angle i / theta^(2 j / d). Computed on the host in double and rounded to F.
template <class F>
void fill_rotary_table(const Device& device, double theta, const Matrix<F>& table);

/// Turns the heads of all tokens x [s b, C] by their positions' angles, in place, or turns them
/// back: the transpose, and so the gradient's. table [s, d].
template <class T>
void rotate(Device& device, const RotaryShape& shape, const Matrix<Accumulate<T>>& table, Turn turn,
            const Matrix<T>& x);

}  // namespace tidemark::kernels
