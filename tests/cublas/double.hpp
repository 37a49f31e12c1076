// What the double of cuBLAS has seen.
#pragma once

#include <cublas_v2.h>

namespace tidemark::cublas_double {

struct Seen {
  int handles = 0;
  int calls = 0;  ///< of products, or batches of them
  int stream_changes = 0;
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  cublasComputeType_t sums = CUBLAS_COMPUTE_32F;
  cublasStatus_t answer = CUBLAS_STATUS_SUCCESS;  ///< of the next product
};
Seen& seen();

}  // namespace tidemark::cublas_double
