// Products of matrices that are stored in fewer bits than they are multiplied in.
#pragma once

#include <cstdint>

#include "base/device.hpp"
#include "kernels/gemm.hpp"

namespace tidemark::kernels {

/// C = op(A) op(B), plus bias [n] on every row where it is given; op(A) [m, k], op(B) [k, n],
/// C [m, n]. Each of A, B, C is of type T or Accumulate<T>; sums are formed in Accumulate<T> and
/// rounded once. `accumulate`: C += op(A) op(B) instead, for C of type Accumulate<T> without bias.
///
/// Operands of bf16 are multiplied in panels that are converted into `workspace`, at least
/// `mixed_gemm_workspace<A, B, C>(m, n, k)` elements: bounded, however large the operands are.
/// Where the library takes bf16, only an A of fp32 is, rounded to bf16, and the transpose of one
/// asks for a C of Accumulate<T>. For operands of one type that the library takes the workspace is
/// 0, and this is `gemm`. Errors as there.
template <class A, class B, class C>
void mixed_gemm(Device& device, Op op_a, Op op_b, const Matrix<A>& a, const Matrix<B>& b,
                const Vector<B>& bias, const Matrix<C>& c, const Vector<Accumulate<B>>& workspace,
                bool accumulate = false);

/// Elements of Accumulate<T> that the product needs for its panels.
template <class A, class B, class C>
std::int64_t mixed_gemm_workspace(std::int64_t m, std::int64_t n, std::int64_t k);

}  // namespace tidemark::kernels
