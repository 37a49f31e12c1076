// SPDX-License-Identifier: BSD-3-Clause
// A host implementation of the calls of cuBLASLt that Tidemark makes: a product with a bias. It
// writes the bias to C and then calls the product of cuBLAS. Descriptors keep what the caller sets.
#include <cuda_runtime_api.h>

#include <cstdlib>
#include <cstring>

#include "cublas/double.hpp"

using tidemark::cublas_double::seen;

namespace {

struct Operation {
  cublasComputeType_t sums;
  cublasOperation_t op_a = CUBLAS_OP_N, op_b = CUBLAS_OP_N;
  const void* bias = nullptr;
};
struct Layout {
  cudaDataType type;
  std::int64_t rows, columns, stride;
};

template <class Handle, class Thing>
cublasStatus_t give(Handle* handle, const Thing& thing) {
  *handle = reinterpret_cast<Handle>(new Thing(thing));  // descriptors are never freed
  return CUBLAS_STATUS_SUCCESS;
}

template <class Value>
cublasStatus_t take(Value& value, const void* from, std::size_t bytes) {
  if (bytes != sizeof value) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&value, from, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

const Layout& layout_of(cublasLtMatrixLayout_t handle) {
  return *reinterpret_cast<const Layout*>(handle);
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  *memory = std::malloc(bytes);
  return cudaSuccess;
}
const char* cudaGetErrorName(cudaError_t) { return "name"; }
const char* cudaGetErrorString(cudaError_t) { return "words"; }
cudaError_t cudaGetLastError() { return cudaSuccess; }

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  static int place;
  *handle = reinterpret_cast<cublasLtHandle_t>(&place);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* handle, cublasComputeType_t sums,
                                        cudaDataType_t scale) {
  if (scale != CUDA_R_32F) return CUBLAS_STATUS_INVALID_VALUE;
  return give(handle, Operation{sums});
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t handle,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes) {
  auto& operation = *reinterpret_cast<Operation*>(handle);
  if (attribute == CUBLASLT_MATMUL_DESC_TRANSA) return take(operation.op_a, value, bytes);
  if (attribute == CUBLASLT_MATMUL_DESC_TRANSB) return take(operation.op_b, value, bytes);
  if (attribute == CUBLASLT_MATMUL_DESC_EPILOGUE) return take(seen().epilogue, value, bytes);
  if (attribute == CUBLASLT_MATMUL_DESC_BIAS_POINTER) return take(operation.bias, value, bytes);
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* handle, cudaDataType type,
                                          std::uint64_t rows, std::uint64_t columns,
                                          std::int64_t stride) {
  return give(handle, Layout{type, static_cast<std::int64_t>(rows),
                             static_cast<std::int64_t>(columns), stride});
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* handle) {
  return give(handle, 0);
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t handle) {
  delete reinterpret_cast<int*>(handle);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, std::size_t bytes) {
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return take(seen().workspace_bytes, value, bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return take(seen().reductions, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
      return take(seen().alignment_a, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
      return take(seen().alignment_b, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
      return take(seen().alignment_c, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return take(seen().alignment_d, value, bytes);
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t, int wanted,
                                              cublasLtMatmulHeuristicResult_t* found, int* count) {
  ++seen().searches;
  *count = std::min(wanted, seen().algorithms);
  // The algorithm of a later launch must be the one that was found for its operation.
  const auto mark = reinterpret_cast<std::uintptr_t>(operation);
  std::memcpy(found[0].algo.data, &mark, sizeof mark);
  return seen().search_answer;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t handle, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t layout_a, const void* b,
                              cublasLtMatrixLayout_t layout_b, const void* beta, const void* c,
                              cublasLtMatrixLayout_t layout_c, void* d,
                              cublasLtMatrixLayout_t layout_d,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              std::size_t workspace_bytes, cudaStream_t stream) {
  const auto& operation = *reinterpret_cast<const Operation*>(handle);
  const Layout &in_a = layout_of(layout_a), &in_b = layout_of(layout_b),
               &in_c = layout_of(layout_c);
  seen().workspace = workspace;
  seen().stream = stream;
  const auto mark = reinterpret_cast<std::uintptr_t>(handle);
  const bool fits = std::memcmp(algorithm->data, &mark, sizeof mark) == 0 && c == d &&
                    layout_c == layout_d && workspace_bytes == seen().workspace_bytes &&
                    *static_cast<const float*>(beta) == 0.0F;
  if (!fits) return CUBLAS_STATUS_INVALID_VALUE;
  // By columns: one element of the bias per row.
  const std::size_t element = in_c.type == CUDA_R_16BF ? 2 : 4;
  for (std::int64_t j = 0; j < in_c.columns; ++j) {
    std::memcpy(static_cast<char*>(d) + static_cast<std::size_t>(j * in_c.stride) * element,
                operation.bias, static_cast<std::size_t>(in_c.rows) * element);
  }
  const float one = 1.0F;
  return cublasGemmEx_64(nullptr, operation.op_a, operation.op_b, in_c.rows, in_c.columns,
                         operation.op_a == CUBLAS_OP_N ? in_a.columns : in_a.rows, alpha, a,
                         in_a.type, in_a.stride, b, in_b.type, in_b.stride, &one, d, in_c.type,
                         in_c.stride, operation.sums, CUBLAS_GEMM_DEFAULT);
}

}  // extern "C"
