// SPDX-License-Identifier: BSD-3-Clause
#include "base/cuda_error.hpp"

#include <cuda_runtime_api.h>

#include <fmt/format.h>

#include "base/error.hpp"

namespace tidemark {

std::string describe_cuda(int code) {
  const auto error = static_cast<cudaError_t>(code);
  return fmt::format("{} ({})", cudaGetErrorString(error), cudaGetErrorName(error));
}

void check_cuda(int code, std::string_view what) {
  if (code != cudaSuccess) throw RunError(fmt::format("{} failed: {}", what, describe_cuda(code)));
}

}  // namespace tidemark
