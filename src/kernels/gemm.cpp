#include "kernels/gemm.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/kokkos_compat.hpp"

// OpenBLAS's own controls, bound weakly: with another BLAS they are null and are not called.
extern "C" {
void openblas_set_num_threads(int threads) __attribute__((weak));
char* openblas_get_config(void) __attribute__((weak));
char* openblas_get_corename(void) __attribute__((weak));
}

namespace tidemark::kernels {

void require_product_fits(Op op_a, Op op_b, const MatrixShape& a, const MatrixShape& b,
                          const MatrixShape& c) {
  const bool transpose_a = op_a == Op::transpose;
  const bool transpose_b = op_b == Op::transpose;
  const std::int64_t inner = transpose_a ? a.rows : a.columns;
  const bool fits = (transpose_a ? a.columns : a.rows) == c.rows &&
                    (transpose_b ? b.rows : b.columns) == c.columns &&
                    (transpose_b ? b.columns : b.rows) == inner;
  TIDEMARK_REQUIRE(fits, fmt::format("product of shapes [{}, {}]{} and [{}, {}]{} into [{}, {}]",
                                     a.rows, a.columns, transpose_a ? "^T" : "", b.rows, b.columns,
                                     transpose_b ? "^T" : "", c.rows, c.columns));
}

template <class T>
void gemm(Device& device, Op op_a, Op op_b, T alpha, const Matrix<T>& a, const Matrix<T>& b, T beta,
          const Matrix<T>& c) {
  require_product_fits(op_a, op_b, shape_of(a), shape_of(b), shape_of(c));
  const std::int64_t m = num_rows(c);
  const std::int64_t n = num_columns(c);
  const std::int64_t k = op_a == Op::transpose ? num_rows(a) : num_columns(a);
  if (device.launches()) {
    const KernelNote note(device, "product");
    const char name_a[] = {static_cast<char>(op_a), '\0'};
    const char name_b[] = {static_cast<char>(op_b), '\0'};
    compat::gemm(*device.exec, name_a, name_b, alpha, a, b, beta, c);
  }
  device.gemm_flops += 2 * static_cast<std::uint64_t>(m) * static_cast<std::uint64_t>(n) *
                       static_cast<std::uint64_t>(k);
}

template void gemm(Device&, Op, Op, float, const Matrix<float>&, const Matrix<float>&, float,
                   const Matrix<float>&);
template void gemm(Device&, Op, Op, double, const Matrix<double>&, const Matrix<double>&, double,
                   const Matrix<double>&);

bool set_blas_threads(int threads) {
  if (openblas_set_num_threads == nullptr) {
    return false;
  }
  openblas_set_num_threads(threads);
  return true;
}

std::string blas_description() {
  if (openblas_get_config == nullptr || openblas_get_corename == nullptr) {
    return "unknown";
  }
  return fmt::format("{} [{}]", openblas_get_config(), openblas_get_corename());
}

}  // namespace tidemark::kernels
