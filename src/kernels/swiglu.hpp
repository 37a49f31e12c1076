// SPDX-License-Identifier: BSD-3-Clause
// The gated activation of the Llama family's MLP: SwiGLU (Shazeer, "GLU Variants Improve
// Transformer", 2020).
#pragma once

#include "base/device.hpp"

namespace tidemark::kernels {

/// y = silu(gate) * up, row by row, with silu(u) = u / (1 + exp(-u)). u [R, 2 f] has gate, then up;
/// y [R, f].
template <class T>
void swiglu_forward(Device& device, const Matrix<T>& u, const Matrix<T>& y);

/// Turns u [R, 2 f], gate and up as in the forward, into its gradient, in place. dy [R, f] is the
/// gradient of y.
template <class T>
void swiglu_backward(Device& device, const Matrix<T>& dy, const Matrix<T>& u);

}  // namespace tidemark::kernels
