// Matrix products of a sharded layer, with the workspace they need entered in the ledger.
#pragma once

#include "kernels/mixed_gemm.hpp"
#include "memory/ledger.hpp"
#include "parallel/context.hpp"

namespace tidemark::parallel {

/// C = op(A) op(B), plus bias on every row where one is given (an empty vector: none). The layer is
/// the one whose workspace it is. Shapes and types as kernels::mixed_gemm has them.
template <class A, class B, class C>
void multiply(const Context& context, int layer, kernels::Op op_a, kernels::Op op_b,
              const Matrix<A>& a, const Matrix<B>& b, const Vector<B>& bias, const Matrix<C>& c) {
  const std::int64_t inner = op_a == kernels::Op::transpose ? num_rows(a) : num_columns(a);
  const std::int64_t elements =
      kernels::mixed_gemm_workspace<A, B, C>(num_rows(c), num_columns(c), inner);
  memory::Tensor<Accumulate<B>> panels;
  if (elements > 0) {
    panels = context.ledger.tensor<Accumulate<B>>("product panels", layer,
                                                  memory::TensorClass::workspace, 1, elements);
  }
  kernels::mixed_gemm(context.device, op_a, op_b, a, b, bias, c, as_vector(panels.view()));
}

}  // namespace tidemark::parallel
