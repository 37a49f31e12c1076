// SPDX-License-Identifier: BSD-3-Clause
// A host implementation of the calls of cuBLAS that Tidemark makes, by the library's manual.
// Matrices are by columns: element (i, j) is at i + j * leading dimension.
#include "cublas/double.hpp"

#include <cstdint>
#include <cstring>

#include "base/bfloat16.hpp"

namespace tidemark::cublas_double {

Seen& seen() {
  static Seen instance;
  return instance;
}

namespace {

double read(const void* data, cudaDataType type, std::int64_t at) {
  if (type == CUDA_R_64F) return static_cast<const double*>(data)[at];
  if (type == CUDA_R_32F) return static_cast<double>(static_cast<const float*>(data)[at]);
  return static_cast<double>(static_cast<float>(static_cast<const bfloat16*>(data)[at]));
}

void write(void* data, cudaDataType type, std::int64_t at, double value) {
  if (type == CUDA_R_64F) static_cast<double*>(data)[at] = value;
  if (type == CUDA_R_32F) static_cast<float*>(data)[at] = static_cast<float>(value);
  if (type == CUDA_R_16BF) static_cast<bfloat16*>(data)[at] = bfloat16(value);
}

}  // namespace
}  // namespace tidemark::cublas_double

using tidemark::cublas_double::read;
using tidemark::cublas_double::seen;
using tidemark::cublas_double::write;

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  static int place;
  *handle = reinterpret_cast<cublasHandle_t>(&place);
  ++seen().handles;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t, cudaStream_t stream) {
  seen().stream = stream;
  ++seen().stream_changes;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t mode) {
  seen().math = mode;
  return CUBLAS_STATUS_SUCCESS;
}

const char* cublasGetStatusString(cublasStatus_t) { return "an answer"; }

cublasStatus_t cublasGetProperty(libraryPropertyType type, int* value) {
  *value = static_cast<int>(type) + 11;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmStridedBatchedEx_64(
    cublasHandle_t, cublasOperation_t op_a, cublasOperation_t op_b, std::int64_t m, std::int64_t n,
    std::int64_t k, const void* alpha, const void* a, cudaDataType type_a, std::int64_t lda,
    long long stride_a, const void* b, cudaDataType type_b, std::int64_t ldb, long long stride_b,
    const void* beta, void* c, cudaDataType type_c, std::int64_t ldc, long long stride_c,
    std::int64_t count, cublasComputeType_t sums, cublasGemmAlgo_t) {
  seen().sums = sums;
  ++seen().calls;
  // The factors have the type of the sums.
  const cudaDataType scale = sums == CUBLAS_COMPUTE_64F ? CUDA_R_64F : CUDA_R_32F;
  const bool fits = lda >= (op_a == CUBLAS_OP_N ? m : k) && ldb >= (op_b == CUBLAS_OP_N ? k : n) &&
                    ldc >= m && type_a == type_b;
  if (!fits) return CUBLAS_STATUS_INVALID_VALUE;
  for (std::int64_t index = 0; index < count * m * n; ++index) {
    const std::int64_t member = index / (m * n), i = index / n % m, j = index % n;
    const std::int64_t in_a = member * stride_a, in_b = member * stride_b;
    const std::int64_t in_c = member * stride_c + i + j * ldc;
    double sum = 0.0;
    for (std::int64_t l = 0; l < k; ++l) {
      sum += read(a, type_a, in_a + (op_a == CUBLAS_OP_N ? i + l * lda : l + i * lda)) *
             read(b, type_b, in_b + (op_b == CUBLAS_OP_N ? l + j * ldb : j + l * ldb));
    }
    const double factor = read(beta, scale, 0);
    const double before = factor == 0.0 ? 0.0 : factor * read(c, type_c, in_c);
    write(c, type_c, in_c, read(alpha, scale, 0) * sum + before);
  }
  return seen().answer;
}

cublasStatus_t cublasGemmEx_64(cublasHandle_t handle, cublasOperation_t op_a,
                               cublasOperation_t op_b, std::int64_t m, std::int64_t n,
                               std::int64_t k, const void* alpha, const void* a,
                               cudaDataType type_a, std::int64_t lda, const void* b,
                               cudaDataType type_b, std::int64_t ldb, const void* beta, void* c,
                               cudaDataType type_c, std::int64_t ldc, cublasComputeType_t sums,
                               cublasGemmAlgo_t algorithm) {
  return cublasGemmStridedBatchedEx_64(handle, op_a, op_b, m, n, k, alpha, a, type_a, lda, 0, b,
                                       type_b, ldb, 0, beta, c, type_c, ldc, 0, 1, sums, algorithm);
}

}  // extern "C"
