// SPDX-License-Identifier: BSD-3-Clause
// Copies between element types and of matrices that are not contiguous.
#pragma once

#include "base/matrix_batch.hpp"

namespace tidemark::kernels {

/// to[r, c] = from[r, c], rounded to nearest even if `To` is narrower. Both are [R, C], each with
/// its own row stride.
template <class From, class To>
void convert(Device& device, const Matrix<From>& from, const Matrix<To>& to);

/// The same for each member of two batches of equal size.
template <class From, class To>
void convert(Device& device, const MatrixBatch<From>& from, const MatrixBatch<To>& to);

}  // namespace tidemark::kernels
