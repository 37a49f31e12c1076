// Matrix products: the only door to the BLAS.
#pragma once

#include <cstdint>
#include <string>

#include "base/device.hpp"

namespace tidemark::kernels {

enum class Op : char { none = 'N', transpose = 'T' };

/// C = alpha op(A) op(B) + beta C, with op(A) [m, k], op(B) [k, n], C [m, n], all row-major.
/// Runs on the device's instance without a fence; counts 2 m n k floating-point operations.
/// Throws RunError when the shapes do not fit. T is float or double.
template <class T>
void gemm(Device& device, Op op_a, Op op_b, T alpha, const Matrix<T>& a, const Matrix<T>& b, T beta,
          const Matrix<T>& c);

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

/// Sets the number of threads of the BLAS on a host, where it can be told (OpenBLAS); elsewhere
/// the library's own environment decides. Returns whether it could.
bool set_blas_threads(int threads);

/// The BLAS as it describes itself, or "unknown".
std::string blas_description();

}  // namespace tidemark::kernels
