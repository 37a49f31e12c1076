// SPDX-License-Identifier: BSD-3-Clause
#include "model/gelu_mlp.hpp"

#include "base/scalars.hpp"
#include "kernels/gelu.hpp"

namespace tidemark::model {

template <class T>
GeluMlp<T>::GeluMlp(parallel::ParameterStore<T>& store, const config::Case& settings,
                    const parallel::Context& context, int layer)
    : Mlp<T>(store, settings, context, layer,
             {"gelu input", settings.model.ffn_hidden_size, {}, true}) {}

template <class T>
void GeluMlp<T>::activate(Device& device, const Matrix<T>& u, const Matrix<T>& y) {
  kernels::bias_gelu_forward(device, u, this->fc1_bias().vector(), y);
}

template <class T>
memory::Tensor<T> GeluMlp<T>::differentiate(Device& device, Tensor u, Tensor output_gradient) {
  kernels::bias_gelu_backward(device, u.view(), this->fc1_bias().vector(), output_gradient.view(),
                              this->fc1_bias().vector_gradient());
  return output_gradient;
}

TIDEMARK_INSTANTIATE_CLASS(GeluMlp)

}  // namespace tidemark::model
