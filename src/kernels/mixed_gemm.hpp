// SPDX-License-Identifier: BSD-3-Clause
// Matrix products whose operands are stored in fewer bits than the products need.
#pragma once

#include <cstdint>

#include "base/device.hpp"
#include "kernels/gemm.hpp"

namespace tidemark::kernels {

/// C = op(A) op(B), plus bias [n] on every row if it is not empty; op(A) [m, k], op(B) [k, n],
/// C [m, n]. A, B and C each have type T or Accumulate<T>. Sums are formed in Accumulate<T> and
/// rounded once. With `accumulate` it forms C += op(A) op(B). Then C must have type Accumulate<T>,
/// and there must be no bias.
///
/// `workspace` has at least `mixed_gemm_workspace<A, B, C>(device, m, n, k)` elements. Its size is
/// bounded for operands of any size. Three cases use it differently:
///
/// * All of A, B and C have one type that the library takes: it is not used, and this is `gemm`.
/// * The library does not take bf16: bf16 operands are converted in panels in the workspace.
/// * The library takes bf16: an A of fp32 is rounded to bf16 in the workspace, piece by piece. If A
///   is transposed, C must have type Accumulate<T>.
///
/// Errors are those of `gemm`.
template <class A, class B, class C>
void mixed_gemm(Device& device, Op op_a, Op op_b, const Matrix<A>& a, const Matrix<B>& b,
                const Vector<B>& bias, const Matrix<C>& c, const Vector<Accumulate<B>>& workspace,
                bool accumulate = false);

/// Elements of Accumulate<T> that the product needs in its workspace, by the device's library.
template <class A, class B, class C>
std::int64_t mixed_gemm_workspace(const Device& device, std::int64_t m, std::int64_t n,
                                  std::int64_t k);

}  // namespace tidemark::kernels
