// SPDX-License-Identifier: BSD-3-Clause
#include "model/rms_norm.hpp"

#include "base/scalars.hpp"
#include "kernels/rms_norm.hpp"

namespace tidemark::model {

template <class T>
RmsNorm<T>::RmsNorm(parallel::ParameterStore<T>& store, std::int64_t hidden, NormSpec spec)
    : Norm<T>(spec, 1),
      weight_(this->declare(store, spec.name + ".weight", spec.weight_stream, hidden, 1.0)) {}

template <class T>
void RmsNorm<T>::normalise(Device& device, const Matrix<T>& x, const Matrix<T>& y,
                           const Matrix<F>& statistics) const {
  kernels::rms_norm_forward(device, x, weight_.vector(), y, statistics);
}

template <class T>
void RmsNorm<T>::differentiate(Device& device, const Matrix<T>& output_gradient, const Matrix<T>& x,
                               const Matrix<F>& statistics, const Matrix<T>& gradient) const {
  kernels::rms_norm_backward(device, output_gradient, x, weight_.vector(), statistics, gradient,
                             weight_.vector_gradient());
}

TIDEMARK_INSTANTIATE_CLASS(RmsNorm)

}  // namespace tidemark::model
