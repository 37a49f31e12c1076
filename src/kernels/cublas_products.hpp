// Products by cuBLAS, described in plain values; knows nothing of Kokkos. Only builds that find the
// CUDA toolkit have these functions.
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
  bool transposed = false;      ///< the product takes the transpose
  std::int64_t distance = 0;    ///< in a batch: elements from one matrix to the next
};

/// C = alpha op(A) op(B) + beta C; op(A) [m, k], op(B) [k, n], C [m, n], for each of a batch. A and
/// B are of one type, C of that or of Accumulate of it. Sums are formed in Accumulate of the type.
struct Product {
  std::int64_t m = 0, n = 0, k = 0;
  Operand a, b, c;  ///< C is written, though `data` points to const
  double alpha = 1.0;
  double beta = 0.0;
  bool tensor_float = false;  ///< operands of fp32 are rounded to TF32 on the way
  std::int64_t batch = 1;     ///< products at even distances
};

/// Puts the product on a stream. Never TF32 unless asked for. Throws RunError where cuBLAS refuses.
/// One thread at a time.
void multiply(CudaStream stream, const Product& product);

/// Whether the library adds a bias [n], of the type of C, to every row of this product before it is
/// rounded, in its own epilogue: not of fp64, nor where it does not like how the operands lie.
/// alpha is 1, beta 0 and the batch 1.
[[nodiscard]] bool can_add_bias(const Product& product, const void* bias);

/// Puts such a product on a stream. Throws RunError where `can_add_bias` says no.
void multiply_with_bias(CudaStream stream, const Product& product, const void* bias);

/// "cuBLAS 13.0.2", by the library that is loaded.
std::string description();

}  // namespace tidemark::kernels::cublas
