#include "kernels/cublas_products.hpp"

#include <cublas_v2.h>
#include <fmt/format.h>

#include <array>

#include "base/error.hpp"

namespace tidemark::kernels::cublas {

namespace {

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw RunError(fmt::format("cuBLAS: {} failed: {}", what, cublasGetStatusString(status)));
}

cudaDataType_t type_of(DType dtype) {
  switch (dtype) {
    case DType::fp64:
      return CUDA_R_64F;
    case DType::bf16:
      return CUDA_R_16BF;
    case DType::fp32:
      break;
  }
  return CUDA_R_32F;
}

cublasComputeType_t sums_of(const Product& product) {
  if (product.a.dtype == DType::fp64) return CUBLAS_COMPUTE_64F;
  const bool rounds = product.tensor_float && product.a.dtype == DType::fp32;
  return rounds ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

cublasOperation_t operation_of(const Operand& operand) {
  return operand.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
}

/// The library, set up at the first product. It lives as long as the process: at its end the driver
/// may be gone before what is static.
class Library {
 public:
  static Library& instance() {
    static auto* const library = new Library;
    return *library;
  }

  cublasHandle_t on(CudaStream stream) {
    if (!is_set_ || stream != stream_) check(cublasSetStream(handle_, stream), "choosing a stream");
    is_set_ = true;
    stream_ = stream;
    return handle_;
  }

 private:
  Library() {
    check(cublasCreate(&handle_), "starting");
    // Types of the sums are given with each product. This keeps those of bf16 from being formed,
    // for want of workspace, in pieces that are rounded to bf16 in between.
    check(cublasSetMathMode(
              handle_, static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH |
                                                 CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)),
          "choosing the arithmetic");
  }

  cublasHandle_t handle_ = nullptr;
  CudaStream stream_ = nullptr;
  bool is_set_ = false;
};

}  // namespace

// cuBLAS has matrices by columns: a row-major X is, to it, X^T. So it is asked for C^T = op(B)^T
// op(A)^T, with A and B in each other's place and m and n, too.
void multiply(CudaStream stream, const Product& product) {
  if (product.m == 0 || product.n == 0 || product.batch == 0) return;
  TIDEMARK_REQUIRE(product.a.dtype == product.b.dtype, "operands of one type");
  const Operand& a = product.a;
  const Operand& b = product.b;
  const Operand& c = product.c;
  // The library takes them in the type of the sums.
  const std::array narrow{static_cast<float>(product.alpha), static_cast<float>(product.beta)};
  const std::array wide{product.alpha, product.beta};
  const bool is_wide = a.dtype == DType::fp64;
  const void* const alpha = is_wide ? static_cast<const void*>(&wide[0]) : &narrow[0];
  const void* const beta = is_wide ? static_cast<const void*>(&wide[1]) : &narrow[1];
  void* const result = const_cast<void*>(c.data);
  const cublasHandle_t handle = Library::instance().on(stream);
  if (product.batch == 1) {
    check(cublasGemmEx_64(handle, operation_of(b), operation_of(a), product.n, product.m, product.k,
                          alpha, b.data, type_of(b.dtype), b.row_stride, a.data, type_of(a.dtype),
                          a.row_stride, beta, result, type_of(c.dtype), c.row_stride,
                          sums_of(product), CUBLAS_GEMM_DEFAULT),
          "a product");
    return;
  }
  check(cublasGemmStridedBatchedEx_64(
            handle, operation_of(b), operation_of(a), product.n, product.m, product.k, alpha,
            b.data, type_of(b.dtype), b.row_stride, b.distance, a.data, type_of(a.dtype),
            a.row_stride, a.distance, beta, result, type_of(c.dtype), c.row_stride, c.distance,
            product.batch, sums_of(product), CUBLAS_GEMM_DEFAULT),
        "a batch of products");
}

std::string description() {
  std::array<int, 3> version{};
  constexpr std::array parts{MAJOR_VERSION, MINOR_VERSION, PATCH_LEVEL};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    check(cublasGetProperty(parts[i], &version[i]), "asking for the version");
  }
  return fmt::format("cuBLAS {}.{}.{}", version[0], version[1], version[2]);
}

}  // namespace tidemark::kernels::cublas
