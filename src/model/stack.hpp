// The transformer stack of one rank: its layers, its parameters, a step forward and backward.
#pragma once

#include <deque>

#include "config/case.hpp"
#include "memory/ledger.hpp"
#include "model/layer.hpp"
#include "parallel/context.hpp"
#include "parallel/parameters.hpp"

namespace tidemark::model {

/// One rank's part of the stack that a case describes. A step is
///
///     ledger.begin_step(); x = make_input(); y = forward(x); ledger.mark_turn();
///     y.reset(); g = backward(make_output_gradient()); g.reset(); ledger.end_step();
///
/// Collective: all ranks of the communicator build and step together. What it refers to (device,
/// ledger, communicator) must outlive it.
template <class T>
class Stack {
 public:
  using Tensor = memory::Tensor<T>;

  /// Allocates and fills parameters; throws RunError when memory runs out.
  Stack(const config::Case& settings, Device& device, memory::Ledger& ledger,
        comm::Communicator& communicator);
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  /// The fixed random input, this rank's rows: [s b, h] or under SP [s b / t, h].
  Tensor make_input();
  /// The fixed random gradient R of the output, in the same shape: the scalar is <output, R>.
  Tensor make_output_gradient();

  /// Input -> output of the last layer.
  Tensor forward(Tensor input);
  /// Gradient of the output -> gradient of the input; leaves all parameter gradients complete.
  Tensor backward(Tensor output_gradient);

  [[nodiscard]] const parallel::ParameterStore<T>& store() const { return store_; }
  [[nodiscard]] const parallel::Context& context() const { return context_; }
  /// The weight of the largest product with a weight, in the first layer: [out/t, h].
  [[nodiscard]] const Matrix<T>& largest_weight() { return layers_.front().largest_weight(); }

 private:
  Tensor random_rows(const char* name, int layer, memory::TensorClass tensor_class,
                     std::uint32_t stream);
  [[nodiscard]] OutputEntry output_of(int layer) const;

  config::Case settings_;
  parallel::Context context_;
  parallel::ParameterStore<T> store_;
  std::deque<Layer<T>> layers_;
};

}  // namespace tidemark::model
