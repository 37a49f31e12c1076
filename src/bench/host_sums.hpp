// SPDX-License-Identifier: BSD-3-Clause
// Sums of host buffers by all threads of a rank.
#pragma once

#include <cstddef>
#include <span>

#include "base/dtype.hpp"

namespace tidemark::bench {

/// comm::sum_on_host, with the elements divided among Kokkos' host threads. The sums are the same
/// to the bit. Must be called by the thread that launches kernels, and not inside a kernel.
void sum_by_threads(DType dtype, void* out, std::span<const void* const> terms, std::size_t count);

}  // namespace tidemark::bench
