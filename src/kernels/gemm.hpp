// Matrix products: the only door to the BLAS.
#pragma once

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

/// Sets the number of threads of the BLAS on a host, where it can be told (OpenBLAS); elsewhere
/// the library's own environment decides. Returns whether it could.
bool set_blas_threads(int threads);

/// The BLAS as it describes itself, or "unknown".
std::string blas_description();

}  // namespace tidemark::kernels
