// SPDX-License-Identifier: BSD-3-Clause
// The separate bias of qkv. Other biases are fused with the kernels around them.
#pragma once

#include "base/device.hpp"

namespace tidemark::kernels {

/// y[r, c] = bias[c], to which a product is added later; y [R, C], bias [C].
template <class T>
void bias_forward(Device& device, const Vector<T>& bias, const Matrix<T>& y);

/// bias_gradient[c] = sum over rows r of dy[r, c]; dy [R, C], bias_gradient [C].
template <class T>
void bias_backward(Device& device, const Matrix<T>& dy, const Vector<Accumulate<T>>& bias_gradient);

}  // namespace tidemark::kernels
