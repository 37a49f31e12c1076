// The MLP block of a GPT layer: fc1, GELU, fc2, the inner width divided among the ranks.
#pragma once

#include "config/case.hpp"
#include "memory/ledger.hpp"
#include "parallel/context.hpp"
#include "parallel/linear.hpp"

namespace tidemark::model {

///   x (., h) -> fc1 (s b, ffn/t) -> + bias, gelu (s b, ffn/t) -> fc2 (., h)
///
/// Its output still lacks the bias of fc2.
template <class T>
class Mlp {
 public:
  using Tensor = memory::Tensor<T>;

  Mlp(parallel::ParameterStore<T>& store, const config::Case& settings,
      const parallel::Context& context, int layer);

  /// Normalised rows [., h] -> this rank's rows of the block's output [., h], summed over ranks.
  parallel::Arriving<T> forward(const parallel::Context& context, parallel::Arriving<T> input);
  /// Gradient of that output -> gradient of the input, both in the shape of the forward's.
  Tensor backward(const parallel::Context& context, Tensor output_gradient);

  /// Frees what forward kept, unused.
  void forget();

  [[nodiscard]] parallel::Parameter<T>& output_bias() { return fc2_.bias(); }
  /// [ffn/t, h], for measuring the machine's product rate.
  [[nodiscard]] parallel::Parameter<T>& fc1_weight() { return fc1_.weight(); }

 private:
  int layer_;
  parallel::ColumnParallelLinear<T> fc1_;
  parallel::RowParallelLinear<T> fc2_;
  Tensor gelu_input_;  ///< without the bias, which the kernels add
};

}  // namespace tidemark::model
