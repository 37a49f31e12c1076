// Copies between element types, and of matrices that are not contiguous.
#pragma once

#include "base/matrix_batch.hpp"

namespace tidemark::kernels {

/// to[r, c] = from[r, c], rounded to nearest even where the type is narrower. Both [R, C], with row
/// strides of their own.
template <class From, class To>
void convert(Device& device, const Matrix<From>& from, const Matrix<To>& to);

/// The same for each member of batches of equally many.
template <class From, class To>
void convert(Device& device, const MatrixBatch<From>& from, const MatrixBatch<To>& to);

}  // namespace tidemark::kernels
