// The bias that stands alone, that of qkv; the others are fused with what surrounds them.
#pragma once

#include "base/device.hpp"

namespace tidemark::kernels {

/// y[r, c] = bias[c], for a product to be added to; y [R, C], bias [C].
template <class T>
void bias_forward(Device& device, const Vector<T>& bias, const Matrix<T>& y);

/// bias_gradient[c] = sum over rows r of dy[r, c]; dy [R, C], bias_gradient [C].
template <class T>
void bias_backward(Device& device, const Matrix<T>& dy, const Vector<Accumulate<T>>& bias_gradient);

}  // namespace tidemark::kernels
