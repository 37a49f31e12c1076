// SPDX-License-Identifier: BSD-3-Clause
// Elementwise sums of the terms that a rank has received.
#pragma once

#include <cstddef>
#include <span>

#include "base/dtype.hpp"

namespace tidemark::comm {

/// out[i] = terms[0][i] + terms[1][i] + ... for i below `count`, in this order. `out` may be one of
/// the terms. One term means a copy. Sums of bf16 are formed in fp32 and rounded once.
///
/// The algorithms take such a function as an argument, so that the same code works on the buffers
/// of a device. The function returns when `out` is complete.
using SumFunction = void (*)(DType dtype, void* out, std::span<const void* const> terms,
                             std::size_t count);

/// Forms no sum: `out` keeps its contents.
inline void leave_alone(DType, void*, std::span<const void* const>, std::size_t) {}

/// The sum of host buffers.
void sum_on_host(DType dtype, void* out, std::span<const void* const> terms, std::size_t count);

}  // namespace tidemark::comm
