// SPDX-License-Identifier: BSD-3-Clause
// Matrix products: the only way to the BLAS.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "base/matrix_batch.hpp"

namespace tidemark::kernels {

enum class Op : char { none = 'N', transpose = 'T' };

/// True if products of fp32 can round their operands to TF32; see Device::rounds_to_tf32.
inline constexpr bool rounds_to_tf32 = runs_on_cuda;

/// C = alpha op(A) op(B) + beta C, with op(A) [m, k], op(B) [k, n], C [m, n], all row-major. Sums
/// are formed in Accumulate<T>. Runs on the device's instance without a fence, and counts 2 m n k
/// floating-point operations. Throws RunError if the shapes do not fit. T and C are both float or
/// both double. If `device.products.takes_bf16`, T may be bfloat16, with C bfloat16 or
/// float. Products of fp64 are formed by Kokkos Kernels where oneDNN is selected.
template <class T, class C>
void gemm(Device& device, Op op_a, Op op_b, std::type_identity_t<Accumulate<T>> alpha,
          const Matrix<T>& a, const Matrix<T>& b, std::type_identity_t<Accumulate<T>> beta,
          const Matrix<C>& c);

/// The same for each member of batches of equal size, whose results must not overlap. It makes one
/// call if the library has batches, else one call per member in their order.
template <class T, class C>
void gemm_batch(Device& device, Op op_a, Op op_b, std::type_identity_t<Accumulate<T>> alpha,
                const MatrixBatch<T>& a, const MatrixBatch<T>& b,
                std::type_identity_t<Accumulate<T>> beta, const MatrixBatch<C>& c);

/// C = op(A) op(B) + bias [n] on every row. It uses one kernel if the library has such products.
template <class T>
void gemm_with_bias(Device& device, Op op_a, Op op_b, const Matrix<T>& a, const Matrix<T>& b,
                    const Vector<T>& bias, const Matrix<T>& c);

/// True if small products should be combined into batches. Otherwise each would be a separate
/// launch, which may be too small to fill the device.
inline constexpr bool multiplies_in_batches = runs_on_cuda;

/// Rows and columns of a matrix as it is stored.
struct MatrixShape {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};

template <class T>
MatrixShape shape_of(const Matrix<T>& matrix) {
  return {num_rows(matrix), num_columns(matrix)};
}

/// Throws RunError unless op(A) op(B) has the shape of C.
void require_product_fits(Op op_a, Op op_b, const MatrixShape& a, const MatrixShape& b,
                          const MatrixShape& c);

/// Sets the number of threads of the BLAS on a host, and returns whether it could. Only OpenBLAS
/// has such a function. For others, the library's own environment decides.
bool set_blas_threads(int threads);

/// The BLAS that forms the products, as it describes itself, or "unknown".
std::string blas_description();

}  // namespace tidemark::kernels
