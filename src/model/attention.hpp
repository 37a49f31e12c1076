// Multi-head self-attention (Vaswani et al., 2017), the heads divided among the ranks.
#pragma once

#include <memory>

#include "config/case.hpp"
#include "memory/ledger.hpp"
#include "model/attention_core.hpp"
#include "parallel/context.hpp"
#include "parallel/linear.hpp"

namespace tidemark::model {

/// The attention block: qkv, core, proj. Its output still lacks the bias of proj.
template <class T>
class Attention {
 public:
  using Tensor = memory::Tensor<T>;

  Attention(parallel::ParameterStore<T>& store, const config::Case& settings,
            const parallel::Context& context, int layer);

  /// Normalised rows [., h] -> this rank's rows of the block's output [., h], summed over ranks.
  parallel::Arriving<T> forward(const parallel::Context& context, parallel::Arriving<T> input);
  /// Gradient of that output -> gradient of the input, both in the shape of the forward's.
  Tensor backward(const parallel::Context& context, Tensor output_gradient);
  /// Frees what forward kept, unused.
  void forget();

  [[nodiscard]] parallel::Parameter<T>& output_bias() { return proj_.bias(); }
  /// [3h/t, h], for measuring the machine's product rate.
  [[nodiscard]] parallel::Parameter<T>& qkv_weight() { return qkv_.weight(); }

 private:
  parallel::ColumnParallelLinear<T> qkv_;
  std::unique_ptr<AttentionCore<T>> core_;
  parallel::RowParallelLinear<T> proj_;
};

}  // namespace tidemark::model
