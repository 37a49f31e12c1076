// SPDX-License-Identifier: BSD-3-Clause
// A loop that does nothing but multiply and add in registers.
#pragma once

#include <cstdint>

#include "base/dtype.hpp"

namespace tidemark::kernels {

/// Whether there is such a loop for this type, with the widest instructions of this processor. It
/// uses fused multiply-adds, and for bf16 dot products (AVX512_BF16), if the processor has them.
/// False on devices, on other processors than x86, if the program was compiled for an older
/// processor, and for bf16 on a processor with AMX, whose tiles have a higher rate.
[[nodiscard]] bool has_register_loop(DType dtype);

/// Runs `rounds` rounds of the loop on every thread of the rank. No operand comes from memory, so
/// no product can be faster. Returns the floating-point operations of all threads together; a
/// multiply and an add are two. Returns 0 if there is no loop.
double run_register_loop(DType dtype, std::int64_t rounds);

}  // namespace tidemark::kernels
