// SPDX-License-Identifier: BSD-3-Clause
// The MLP of the GPT family: GELU of fc1's output, with biases.
#pragma once

#include "model/mlp.hpp"

namespace tidemark::model {

///   x (., h) -> fc1 (s b, ffn/t) -> + bias, gelu (s b, ffn/t) -> fc2 (., h)
template <class T>
class GeluMlp final : public Mlp<T> {
 public:
  using Tensor = memory::Tensor<T>;

  GeluMlp(parallel::ParameterStore<T>& store, const config::Case& settings,
          const parallel::Context& context, int layer);

 private:
  void activate(Device& device, const Matrix<T>& u, const Matrix<T>& y) override;
  Tensor differentiate(Device& device, Tensor u, Tensor output_gradient) override;
};

}  // namespace tidemark::model
