// SPDX-License-Identifier: BSD-3-Clause
// Normalisation of the columns of a matrix by their root mean square (Zhang and Sennrich, "Root
// Mean Square Layer Normalization", 2019).
#pragma once

#include "base/device.hpp"

namespace tidemark::kernels {

inline constexpr double rms_norm_epsilon = 1e-5;

/// y = x / sqrt(mean(x^2) + epsilon) * weight, row by row. x, y [R, h]; weight [h]. Writes
/// 1/sqrt(mean(x^2) + epsilon) to statistics [R, 1].
template <class T>
void rms_norm_forward(Device& device, const Matrix<T>& x, const Vector<T>& weight,
                      const Matrix<T>& y, const Matrix<Accumulate<T>>& statistics);

/// Adds the gradient of the norm's input to `gradient` [R, h], which already holds that of the
/// residual branch. Overwrites weight_gradient [h] with the sums over this rank's rows. dy,
/// x [R, h]; statistics [R, 1] from the forward.
template <class T>
void rms_norm_backward(Device& device, const Matrix<T>& dy, const Matrix<T>& x,
                       const Vector<T>& weight, const Matrix<Accumulate<T>>& statistics,
                       const Matrix<T>& gradient, const Vector<Accumulate<T>>& weight_gradient);

}  // namespace tidemark::kernels
