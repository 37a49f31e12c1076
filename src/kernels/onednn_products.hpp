// SPDX-License-Identifier: BSD-3-Clause
// Products by oneDNN on a host. This file includes neither Kokkos nor oneDNN. Without oneDNN,
// onednn_products_absent.cpp stands in for these functions.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/library_product.hpp"

namespace tidemark::kernels::onednn {

/// Whether this build has oneDNN.
[[nodiscard]] bool is_built();

/// Whether the processor multiplies bf16 by instructions of its own (AVX512_BF16 or AMX), as far as
/// oneDNN uses them: ONEDNN_MAX_CPU_ISA limits it. False without oneDNN.
[[nodiscard]] bool has_native_bf16();

/// Whether oneDNN can form a product of operands of this type: fp32 and bf16.
[[nodiscard]] bool takes(DType dtype);

/// Forms the product with the threads of OpenMP, and returns when it is complete. `bias`: null, or
/// [n] of the type of C, which is added to every row before rounding; then beta must be 0. alpha
/// must be 1. Throws RunError if oneDNN refuses. One thread at a time.
void multiply(const LibraryProduct& product, const void* bias = nullptr);

/// Bytes of scratch that products have needed so far. oneDNN packs blocks of operands in it, as
/// every BLAS does in memory of its own. So it is not part of the activations.
[[nodiscard]] std::int64_t scratch_bytes();

/// Name, version and instruction set, such as "oneDNN 2.6.3 (avx512_core_bf16)"; "" without oneDNN.
[[nodiscard]] std::string description();

}  // namespace tidemark::kernels::onednn
