// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/gemm.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/kokkos_compat.hpp"
#include "kernels/bias.hpp"
#include "kernels/check_product.hpp"
#include "kernels/cublas_products.hpp"
#include "kernels/onednn_products.hpp"

// OpenBLAS's own controls, bound weakly. With another BLAS they are null and are not called.
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

namespace {

template <class T>
Operand operand_of(const MatrixBatch<T>& batch, Op op = Op::none) {
  return {batch.first.data(), dtype_of<T>, static_cast<std::int64_t>(batch.first.stride(0)),
          op == Op::transpose, batch.distance};
}

/// Number of terms in the sums of op(A) op(B).
template <class T>
std::int64_t terms_of(Op op_a, const Matrix<T>& a) {
  return op_a == Op::transpose ? num_rows(a) : num_columns(a);
}

/// Operations of one product into C.
template <class T, class C>
std::uint64_t flops_of(Op op_a, const Matrix<T>& a, const Matrix<C>& c) {
  return 2 * static_cast<std::uint64_t>(num_rows(c)) * static_cast<std::uint64_t>(num_columns(c)) *
         static_cast<std::uint64_t>(terms_of(op_a, a));
}

template <class T>
bool uses_onednn(const Device& device) {
  return device.products.library == ProductLibrary::onednn && onednn::takes(dtype_of<T>);
}

/// C = op(A) op(B) as a library needs it.
template <class T, class C>
LibraryProduct product_of(const Device& device, Op op_a, Op op_b, const MatrixBatch<T>& a,
                          const MatrixBatch<T>& b, const MatrixBatch<C>& c) {
  LibraryProduct product{num_rows(c.first),   num_columns(c.first), terms_of(op_a, a.first),
                         operand_of(a, op_a), operand_of(b, op_b),  operand_of(c)};
  product.tensor_float = device.rounds_to_tf32;
  product.batch = c.count;
  return product;
}

/// One call per member of the batch. It takes no bf16.
template <class T, class C>
void multiply_by_kokkos_kernels(const Device& device, Op op_a, Op op_b, Accumulate<T> alpha,
                                const MatrixBatch<T>& a, const MatrixBatch<T>& b,
                                Accumulate<T> beta, const MatrixBatch<C>& c) {
  if constexpr (is_narrow<T>) {
    throw BrokenInvariant("Kokkos Kernels multiplies no bf16");
  } else {
    const char name_a[] = {static_cast<char>(op_a), '\0'};
    const char name_b[] = {static_cast<char>(op_b), '\0'};
    for (std::int64_t i = 0; i < c.count; ++i) {
      compat::gemm(*device.exec, name_a, name_b, alpha, a[i], b[i], beta, c[i]);
    }
  }
}

/// Launches the library's product in the order of the device's instance.
template <class T, class C>
void launch(Device& device, Op op_a, Op op_b, Accumulate<T> alpha, const MatrixBatch<T>& a,
            const MatrixBatch<T>& b, Accumulate<T> beta, const MatrixBatch<C>& c) {
  const KernelNote note(device, "product");
  LibraryProduct product = product_of(device, op_a, op_b, a, b, c);
  product.alpha = static_cast<double>(alpha);
  product.beta = static_cast<double>(beta);
  if constexpr (runs_on_cuda) {
    cublas::multiply(stream_of(*device.exec), product);
  } else if (uses_onednn<T>(device)) {
    onednn::multiply(product);
  } else {
    multiply_by_kokkos_kernels(device, op_a, op_b, alpha, a, b, beta, c);
  }
}

}  // namespace

template <class T, class C>
void gemm_batch(Device& device, Op op_a, Op op_b, std::type_identity_t<Accumulate<T>> alpha,
                const MatrixBatch<T>& a, const MatrixBatch<T>& b,
                std::type_identity_t<Accumulate<T>> beta, const MatrixBatch<C>& c) {
  require_product_fits(op_a, op_b, shape_of(a.first), shape_of(b.first), shape_of(c.first));
  TIDEMARK_REQUIRE(a.count == c.count && b.count == c.count, "batches of one size");
  const auto multiply = [&] { launch(device, op_a, op_b, alpha, a, b, beta, c); };
  if (device.launches() && device.product_check != nullptr) {
    device.product_check->form(device,
                               ProductCall<T, C>{op_a,
                                                 op_b,
                                                 static_cast<double>(alpha),
                                                 a,
                                                 b,
                                                 static_cast<double>(beta),
                                                 c,
                                                 {},
                                                 device.rounds_to_tf32},
                               multiply);
  } else if (device.launches()) {
    multiply();
  }
  device.gemm_flops += static_cast<std::uint64_t>(c.count) * flops_of(op_a, a.first, c.first);
}

template <class T, class C>
void gemm(Device& device, Op op_a, Op op_b, std::type_identity_t<Accumulate<T>> alpha,
          const Matrix<T>& a, const Matrix<T>& b, std::type_identity_t<Accumulate<T>> beta,
          const Matrix<C>& c) {
  gemm_batch<T, C>(device, op_a, op_b, alpha, a, b, beta, c);
}

namespace {

/// Whether the library adds the bias in the same kernel.
template <class T>
bool can_add_bias(const Device& device, const LibraryProduct& product, const Vector<T>& bias) {
  if (!device.launches()) return false;
  if constexpr (runs_on_cuda) {
    return cublas::can_add_bias(product, bias.data());
  } else {
    return uses_onednn<T>(device);
  }
}

template <class T>
void launch_with_bias(const Device& device, const LibraryProduct& product, const Vector<T>& bias) {
  const KernelNote note(device, "product");
  if constexpr (runs_on_cuda) {
    cublas::multiply_with_bias(stream_of(*device.exec), product, bias.data());
  } else {
    onednn::multiply(product, bias.data());
  }
}

/// Forms the product with one kernel of the library. Returns false if the library has none.
template <class T>
bool multiply_with_bias(Device& device, Op op_a, Op op_b, const Matrix<T>& a, const Matrix<T>& b,
                        const Vector<T>& bias, const Matrix<T>& c) {
  const LibraryProduct product = product_of<T, T>(device, op_a, op_b, a, b, c);
  if (!can_add_bias(device, product, bias)) return false;
  const auto multiply = [&] { launch_with_bias(device, product, bias); };
  if (device.product_check != nullptr) {
    const MatrixBatch<T> left(a);
    const MatrixBatch<T> right(b);
    const MatrixBatch<T> result(c);
    device.product_check->form(
        device,
        ProductCall<T, T>{op_a, op_b, 1.0, left, right, 0.0, result, bias, device.rounds_to_tf32},
        multiply);
  } else {
    multiply();
  }
  device.gemm_flops += flops_of(op_a, a, c);
  return true;
}

}  // namespace

template <class T>
void gemm_with_bias(Device& device, Op op_a, Op op_b, const Matrix<T>& a, const Matrix<T>& b,
                    const Vector<T>& bias, const Matrix<T>& c) {
  require_product_fits(op_a, op_b, shape_of(a), shape_of(b), shape_of(c));
  if (multiply_with_bias(device, op_a, op_b, a, b, bias, c)) return;
  // Adding the product to a C that holds the bias rounds once, because that C is exact.
  bias_forward(device, bias, c);
  gemm(device, op_a, op_b, Accumulate<T>(1), a, b, Accumulate<T>(1), c);
}

#define TIDEMARK_INSTANTIATE(T, C)                                                             \
  template void gemm<T, C>(Device&, Op, Op, Accumulate<T>, const Matrix<T>&, const Matrix<T>&, \
                           Accumulate<T>, const Matrix<C>&);                                   \
  template void gemm_batch<T, C>(Device&, Op, Op, Accumulate<T>, const MatrixBatch<T>&,        \
                                 const MatrixBatch<T>&, Accumulate<T>, const MatrixBatch<C>&);
TIDEMARK_INSTANTIATE(float, float)
TIDEMARK_INSTANTIATE(double, double)
TIDEMARK_INSTANTIATE(bfloat16, bfloat16)
TIDEMARK_INSTANTIATE(bfloat16, float)
#undef TIDEMARK_INSTANTIATE

#define TIDEMARK_INSTANTIATE(T)                                                     \
  template void gemm_with_bias(Device&, Op, Op, const Matrix<T>&, const Matrix<T>&, \
                               const Vector<T>&, const Matrix<T>&);
TIDEMARK_INSTANTIATE(float)
TIDEMARK_INSTANTIATE(double)
TIDEMARK_INSTANTIATE(bfloat16)
#undef TIDEMARK_INSTANTIATE

bool set_blas_threads(int threads) {
  if (openblas_set_num_threads == nullptr) {
    return false;
  }
  openblas_set_num_threads(threads);
  return true;
}

std::string blas_description() {
  if constexpr (runs_on_cuda) {
    return cublas::description();
  } else if (openblas_get_config == nullptr || openblas_get_corename == nullptr) {
    return "unknown";
  } else {
    return fmt::format("{} [{}]", openblas_get_config(), openblas_get_corename());
  }
}

}  // namespace tidemark::kernels
