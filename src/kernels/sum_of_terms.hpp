// SPDX-License-Identifier: BSD-3-Clause
// The elementwise sum of the terms that a rank has received, in the device's memory.
#pragma once

#include <cstddef>
#include <span>

#include "base/dtype.hpp"

namespace tidemark::kernels {

/// out[i] = terms[0][i] + terms[1][i] + ... for i below `count`, in this order. `out` may be one of
/// the terms. One term means a copy. Sums of bf16 are formed in fp32 and rounded once. More than
/// 1024 terms throw RunError. It runs concurrently with the device's other instances, and returns
/// when it is done.
void sum_of_terms(DType dtype, void* out, std::span<const void* const> terms, std::size_t count);

}  // namespace tidemark::kernels
