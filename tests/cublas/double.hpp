// SPDX-License-Identifier: BSD-3-Clause
// What the double of cuBLAS has seen.
#pragma once

#include <cublasLt.h>
#include <cublas_v2.h>

#include <cstddef>
#include <cstdint>

namespace tidemark::cublas_double {

struct Seen {
  int handles = 0;
  int calls = 0;  ///< of products, or batches of them
  int stream_changes = 0;
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  cublasComputeType_t sums = CUBLAS_COMPUTE_32F;
  cublasStatus_t answer = CUBLAS_STATUS_SUCCESS;  ///< of the next product

  // For cublasLt.
  int searches = 0;    ///< for an algorithm
  int algorithms = 1;  ///< that a search finds
  cublasStatus_t search_answer = CUBLAS_STATUS_SUCCESS;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  std::uint32_t reductions = 0;  ///< schemes that are allowed
  std::uint32_t alignment_a = 0, alignment_b = 0, alignment_c = 0, alignment_d = 0;
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
};
Seen& seen();

}  // namespace tidemark::cublas_double
