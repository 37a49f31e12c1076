// SPDX-License-Identifier: BSD-3-Clause
// Rotary positions of a stack: one table of angles for all its layers.
#pragma once

#include <cstddef>

#include "config/case.hpp"
#include "kernels/rotary.hpp"
#include "parallel/context.hpp"

namespace tidemark::model {

/// Rotates queries and keys by their positions, in place in qkv [s b, (A + 2 G) d]. The columns of
/// qkv are, group by group, its q heads, k and v. Without rotary positions it does nothing.
///
/// Sines and cosines come from a table [s, d] of Accumulate<T>, which is made once for all layers.
/// The kernel moves only one or two bytes per operation, so computing them in it would cost more
/// than all the rest. Also, fp32 has no digits left for them at an angle of several thousand
/// radians.
template <class T>
class Rotary {
 public:
  using F = Accumulate<T>;

  /// Makes the table. In a dry run its address must not be accessed. Throws RunError if memory runs
  /// out.
  Rotary(const config::Case& settings, const Device& device);

  void turn(const parallel::Context& context, const Matrix<T>& qkv) const {
    rotate(context, kernels::Turn::forward, qkv);
  }
  /// The gradient of rotated queries and keys -> the gradient before the rotation.
  void turn_back(const parallel::Context& context, const Matrix<T>& gradient) const {
    rotate(context, kernels::Turn::back, gradient);
  }
  [[nodiscard]] std::size_t table_bytes() const {
    return table_.extent(0) * table_.extent(1) * sizeof(F);
  }

 private:
  void rotate(const parallel::Context& context, kernels::Turn turn, const Matrix<T>& x) const;

  kernels::RotaryShape shape_;
  Kokkos::View<F*, MemorySpace> storage_;
  Matrix<F> table_;  ///< [s, d]; empty: no rotation
};

}  // namespace tidemark::model
