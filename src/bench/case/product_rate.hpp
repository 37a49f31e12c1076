// The rate of the machine's own matrix product, to hold the step's rate against.
#pragma once

#include "model/stack.hpp"

namespace tidemark::bench {

/// Measures the case's largest product with a weight, as the step runs it: X W^T of fc1, [s b, h] x
/// [ffn/t, h]^T (of qkv, [3h/t, h], where ffn < 3h), with the conversions of its panels where the
/// elements are bf16. Its operands come from the pool between two
/// steps, where a step's saved tensors leave room for them.
template <class T>
class ProductRate {
 public:
  explicit ProductRate(model::Stack<T>& stack) : stack_(stack) {}

  /// GFLOP/s of this rank while all ranks compute; collective. Lasts at least about 20 ms, so that
  /// the clock's grain does not show.
  double measure();

 private:
  model::Stack<T>& stack_;
  int repeats_ = 0;  ///< products a measurement, the same on all ranks; 0 until known
};

}  // namespace tidemark::bench
