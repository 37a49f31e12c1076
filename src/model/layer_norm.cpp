// SPDX-License-Identifier: BSD-3-Clause
#include "model/layer_norm.hpp"

#include "base/scalars.hpp"
#include "kernels/layer_norm.hpp"

namespace tidemark::model {

template <class T>
LayerNorm<T>::LayerNorm(parallel::ParameterStore<T>& store, std::int64_t hidden, NormSpec spec)
    : Norm<T>(spec, 2),
      weight_(this->declare(store, spec.name + ".weight", spec.weight_stream, hidden, 1.0)),
      bias_(this->declare(store, spec.name + ".bias", spec.bias_stream, hidden, 0.0)) {}

template <class T>
void LayerNorm<T>::normalise(Device& device, const Matrix<T>& x, const Matrix<T>& y,
                             const Matrix<F>& statistics) const {
  kernels::layer_norm_forward(device, x, weight_.vector(), bias_.vector(), y, statistics);
}

template <class T>
void LayerNorm<T>::differentiate(Device& device, const Matrix<T>& output_gradient,
                                 const Matrix<T>& x, const Matrix<F>& statistics,
                                 const Matrix<T>& gradient) const {
  kernels::layer_norm_backward(device, output_gradient, x, weight_.vector(), statistics, gradient,
                               weight_.vector_gradient(), bias_.vector_gradient());
}

TIDEMARK_INSTANTIATE_CLASS(LayerNorm)

}  // namespace tidemark::model
