// SPDX-License-Identifier: BSD-3-Clause
// Products by cuBLAS, described in plain values. This file does not include Kokkos. Only builds
// with the CUDA toolkit have these functions.
#pragma once

#include <cstdint>
#include <string>

#include "base/dtype.hpp"
#include "base/stream_clock.hpp"

namespace tidemark::kernels::cublas {

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
struct Product {
  std::int64_t m = 0, n = 0, k = 0;
  Operand a, b, c;  ///< C is written, although `data` points to const
  double alpha = 1.0;
  double beta = 0.0;
  bool tensor_float = false;  ///< operands of fp32 are rounded to TF32
  std::int64_t batch = 1;     ///< number of products, with equal distances
};

/// Puts the product on a stream. Uses TF32 only with `tensor_float`. Throws RunError if cuBLAS
/// refuses. One thread at a time.
void multiply(CudaStream stream, const Product& product);

/// Whether the library's epilogue can add a bias [n], of the type of C, to every row before
/// rounding. False for fp64, and for some alignments of the operands. Requires alpha 1, beta 0 and
/// batch 1.
[[nodiscard]] bool can_add_bias(const Product& product, const void* bias);

/// Puts such a product on a stream. Throws RunError if `can_add_bias` is false.
void multiply_with_bias(CudaStream stream, const Product& product, const void* bias);

/// Name and version of the loaded library, such as "cuBLAS 13.0.2".
std::string description();

}  // namespace tidemark::kernels::cublas
