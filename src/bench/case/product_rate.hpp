// SPDX-License-Identifier: BSD-3-Clause
// The rate of the machine's own matrix product, for comparison with the step's rate.
#pragma once

#include "model/stack.hpp"

namespace tidemark::bench {

/// Measures the case's largest product with a weight, as the step runs it: X W^T of fc1, [s b, h]
/// x [ffn/t, h]^T. If ffn < 3h it is that of qkv, with [3h/t, h]. In bf16 it includes the
/// conversions of panels. The operands come from the pool between two steps, when memory of saved
/// tensors is free.
template <class T>
class ProductRate {
 public:
  explicit ProductRate(model::Stack<T>& stack) : stack_(stack) {}

  /// GFLOP/s of this rank while all ranks compute. Collective. Lasts about 20 ms or more, to hide
  /// the resolution of the clock.
  double measure();
  /// Determines again how many products take that long, because the library changes.
  void expect_another_rate() { repeats_ = 0; }

 private:
  model::Stack<T>& stack_;
  int repeats_ = 0;  ///< products per measurement, the same on all ranks; 0 until known
};

}  // namespace tidemark::bench
