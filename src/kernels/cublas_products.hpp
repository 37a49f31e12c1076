// SPDX-License-Identifier: BSD-3-Clause
// Products by cuBLAS, described in plain values. This file does not include Kokkos. Only builds
// with the CUDA toolkit have these functions.
#pragma once

#include <string>

#include "base/stream_clock.hpp"
#include "kernels/library_product.hpp"

namespace tidemark::kernels::cublas {

/// Puts the product on a stream. Uses TF32 only with `tensor_float`. Throws RunError if cuBLAS
/// refuses. One thread at a time.
void multiply(CudaStream stream, const LibraryProduct& product);

/// Whether the library's epilogue can add a bias [n], of the type of C, to every row before
/// rounding. False for fp64, and for some alignments of the operands. Requires alpha 1, beta 0 and
/// batch 1.
[[nodiscard]] bool can_add_bias(const LibraryProduct& product, const void* bias);

/// Puts such a product on a stream. Throws RunError if `can_add_bias` is false.
void multiply_with_bias(CudaStream stream, const LibraryProduct& product, const void* bias);

/// Name and version of the loaded library, such as "cuBLAS 13.0.2".
std::string description();

}  // namespace tidemark::kernels::cublas
