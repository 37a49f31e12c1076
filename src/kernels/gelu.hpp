// SPDX-License-Identifier: BSD-3-Clause
// The MLP's activation: GELU in its tanh approximation (Hendrycks and Gimpel, "Gaussian Error
// Linear Units", 2016), fused with the bias of fc1.
#pragma once

#include "base/device.hpp"

namespace tidemark::kernels {

/// y = gelu(u + bias), row by row. u, y [R, f]; bias [f].
template <class T>
void bias_gelu_forward(Device& device, const Matrix<T>& u, const Vector<T>& bias,
                       const Matrix<T>& y);

/// Turns the gradient of y in `gradient` [R, f] into that of u + bias, in place. Overwrites
/// bias_gradient [f] with its column sums. u [R, f] is the forward's input.
template <class T>
void bias_gelu_backward(Device& device, const Matrix<T>& u, const Vector<T>& bias,
                        const Matrix<T>& gradient, const Vector<Accumulate<T>>& bias_gradient);

}  // namespace tidemark::kernels
