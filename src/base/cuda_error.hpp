// SPDX-License-Identifier: BSD-3-Clause
// Return codes of the CUDA runtime.
#pragma once

#include <string>
#include <string_view>

namespace tidemark {

/// The runtime's own words for `code`, which is a cudaError_t.
std::string describe_cuda(int code);

/// Throws RunError "WHAT failed: WORDS" if `code`, a cudaError_t, is not success.
void check_cuda(int code, std::string_view what);

}  // namespace tidemark
