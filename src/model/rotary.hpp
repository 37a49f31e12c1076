// Rotary positions of a stack: one table of angles for all its layers.
#pragma once

#include <cstddef>

#include "config/case.hpp"
#include "kernels/rotary.hpp"
#include "parallel/context.hpp"

namespace tidemark::model {

/// Turns queries and keys by their positions, in place in qkv [s b, (A + 2 G) d], whose columns
/// are, group by group, its q heads, k and v; for a family without rotary positions it does
/// nothing.
///
/// Sines and cosines come from a table [s, d] of Accumulate<T>, made once, for all layers: in a
/// kernel that moves one or two bytes an operation they would cost more than all the rest, and in
/// fp32 an angle of some thousand radians has no digits left for them.
template <class T>
class Rotary {
 public:
  using F = Accumulate<T>;

  /// Makes the table; in a dry run it gets an address that nobody may touch. Throws
  /// RunError when memory runs out.
  Rotary(const config::Case& settings, const Device& device);

  void turn(const parallel::Context& context, const Matrix<T>& qkv) const {
    rotate(context, kernels::Turn::forward, qkv);
  }
  /// The gradient of turned queries and keys -> that of what they were.
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
  Matrix<F> table_;  ///< [s, d], empty: nothing turns
};

}  // namespace tidemark::model
