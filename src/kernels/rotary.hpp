// SPDX-License-Identifier: BSD-3-Clause
// Rotary positions (Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding",
// 2021). A head's features j and j + d/2 are a point, which is rotated by an angle for its token's
// position.
#pragma once

#include <cstdint>

#include "base/device.hpp"

namespace tidemark::kernels {

/// Which columns of a matrix of tokens are rotated: the first `turning` heads of each group.
struct RotaryShape {
  std::int64_t groups = 0;     ///< groups of columns, each of `turning + resting` heads
  std::int64_t turning = 0;    ///< heads that are rotated: those of the queries, and the keys
  std::int64_t resting = 0;    ///< heads that are not rotated: the values
  std::int64_t head_size = 0;  ///< d, even
  std::int64_t batch = 1;      ///< b: row i b + m is position i of sequence m
};

enum class Turn { forward, back };

/// table [s, d]: for position i and pair j, column j has the cosine of the angle i / theta^(2 j /
/// d), and column j + d/2 the sine. Computed on the host in double and rounded to F.
template <class F>
void fill_rotary_table(const Device& device, double theta, const Matrix<F>& table);

/// Rotates the heads of all tokens x [s b, C] by the angles of their positions, in place.
/// Turn::back applies the transpose, which the gradient needs. table [s, d].
template <class T>
void rotate(Device& device, const RotaryShape& shape, const Matrix<Accumulate<T>>& table, Turn turn,
            const Matrix<T>& x);

}  // namespace tidemark::kernels
