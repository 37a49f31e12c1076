// SPDX-License-Identifier: BSD-3-Clause
// Layer normalisation over the columns of a matrix (Ba, Kiros, Hinton, "Layer Normalization",
// 2016).
#pragma once

#include "base/device.hpp"

namespace tidemark::kernels {

inline constexpr double layer_norm_epsilon = 1e-5;

/// y = (x - mean) / sqrt(variance + epsilon) * weight + bias, row by row. x, y [R, h]; weight,
/// bias [h]. Writes mean and 1/sqrt(variance + epsilon) to statistics [R, 2].
template <class T>
void layer_norm_forward(Device& device, const Matrix<T>& x, const Vector<T>& weight,
                        const Vector<T>& bias, const Matrix<T>& y,
                        const Matrix<Accumulate<T>>& statistics);

/// Adds the gradient of the norm's input to `gradient` [R, h], which already holds that of the
/// residual branch. Overwrites weight_gradient and bias_gradient [h] with the sums over this rank's
/// rows. dy, x [R, h]; statistics [R, 2] from the forward.
template <class T>
void layer_norm_backward(Device& device, const Matrix<T>& dy, const Matrix<T>& x,
                         const Vector<T>& weight, const Matrix<Accumulate<T>>& statistics,
                         const Matrix<T>& gradient, const Vector<Accumulate<T>>& weight_gradient,
                         const Vector<Accumulate<T>>& bias_gradient);

}  // namespace tidemark::kernels
