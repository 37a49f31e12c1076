// SPDX-License-Identifier: BSD-3-Clause
// A matrix product as libraries need it, in plain values. This file does not include Kokkos.
#pragma once

#include <cstdint>

#include "base/dtype.hpp"

namespace tidemark::kernels {

/// A row-major matrix as it is stored.
struct Operand {
  const void* data = nullptr;
  DType dtype = DType::fp32;
  std::int64_t row_stride = 0;  ///< elements from one row to the next
  bool transposed = false;      ///< the product uses the transpose
  std::int64_t distance = 0;    ///< in a batch: elements from one matrix to the next
};

/// C = alpha op(A) op(B) + beta C for each member of a batch; op(A) [m, k], op(B) [k, n], C [m, n].
/// A and B have one type. C has this type or its Accumulate. Sums are formed in Accumulate of the
/// type.
struct LibraryProduct {
  std::int64_t m = 0, n = 0, k = 0;
  Operand a, b, c;  ///< C is written, although `data` points to const
  double alpha = 1.0;
  double beta = 0.0;
  bool tensor_float = false;  ///< operands of fp32 are rounded to TF32
  std::int64_t batch = 1;     ///< number of products, with equal distances
};

}  // namespace tidemark::kernels
