// SPDX-License-Identifier: BSD-3-Clause
#include "model/swiglu_mlp.hpp"

#include "base/scalars.hpp"
#include "kernels/swiglu.hpp"

namespace tidemark::model {

namespace {

MlpSpec gated(const config::ModelConfig& m, const parallel::Context& context) {
  const std::int64_t share = parallel::shard_of(m.ffn_hidden_size, context);
  const std::int64_t gate = context.rank() * share;
  return {
      "fc1 output",
      2 * m.ffn_hidden_size,
      {{share, {gate, 0, m.hidden_size}}, {share, {m.ffn_hidden_size + gate, 0, m.hidden_size}}},
      false};
}

}  // namespace

template <class T>
SwigluMlp<T>::SwigluMlp(parallel::ParameterStore<T>& store, const config::Case& settings,
                        const parallel::Context& context, int layer)
    : Mlp<T>(store, settings, context, layer, gated(settings.model, context)) {}

template <class T>
void SwigluMlp<T>::activate(Device& device, const Matrix<T>& u, const Matrix<T>& y) {
  kernels::swiglu_forward(device, u, y);
}

template <class T>
memory::Tensor<T> SwigluMlp<T>::differentiate(Device& device, Tensor u, Tensor output_gradient) {
  kernels::swiglu_backward(device, output_gradient.view(), u.view());
  return u;
}

TIDEMARK_INSTANTIATE_CLASS(SwigluMlp)

}  // namespace tidemark::model
