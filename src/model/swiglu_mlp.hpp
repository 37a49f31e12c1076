// SPDX-License-Identifier: BSD-3-Clause
// The MLP of the Llama family: one half of fc1's output gates the other half. No biases.
#pragma once

#include "model/mlp.hpp"

namespace tidemark::model {

///   x (., h) -> fc1 (s b, 2 ffn/t) -> silu(gate) up (s b, ffn/t) -> fc2 (., h)
///
/// fc1's unsharded weight is [2 ffn, h]: ffn rows of the gate, then ffn rows of up. A rank has its
/// share of both, [2 ffn/t, h].
template <class T>
class SwigluMlp final : public Mlp<T> {
 public:
  using Tensor = memory::Tensor<T>;

  SwigluMlp(parallel::ParameterStore<T>& store, const config::Case& settings,
            const parallel::Context& context, int layer);

 private:
  void activate(Device& device, const Matrix<T>& u, const Matrix<T>& y) override;
  Tensor differentiate(Device& device, Tensor u, Tensor output_gradient) override;
};

}  // namespace tidemark::model
