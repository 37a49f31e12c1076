// Matrix products of a sharded layer, with the workspace they need entered in the ledger.
#pragma once

#include <algorithm>

#include "base/pieces.hpp"
#include "kernels/mixed_gemm.hpp"
#include "memory/ledger.hpp"
#include "parallel/context.hpp"

namespace tidemark::parallel {

/// What goes on while a product is formed.
enum class Beside { nothing, communication };

/// What becomes of what stood in C.
enum class Into { overwritten, added_to };

/// C = op(A) op(B), or C += op(A) op(B), plus bias on every row where one is given (an empty
/// vector: none). The layer is the one whose workspace it is. Shapes and types as
/// kernels::mixed_gemm has them.
///
/// Beside communication that this rank has to drive itself, the product is formed by tiles of rows:
/// a tile reads all of B again, so tiles are as tall as hides the cost of that.
template <class A, class B, class C>
void multiply(const Context& context, int layer, kernels::Op op_a, kernels::Op op_b,
              const Matrix<A>& a, const Matrix<B>& b, const Vector<B>& bias, const Matrix<C>& c,
              Beside beside = Beside::nothing, Into into = Into::overwritten) {
  const std::int64_t inner = op_a == kernels::Op::transpose ? num_rows(a) : num_columns(a);
  const std::int64_t m = num_rows(c);
  const bool polls = beside == Beside::communication && context.polls();
  const std::int64_t tiles = polls ? std::max<std::int64_t>(1, m / context.schedule.tile_rows) : 1;
  const auto first_of = [&](std::int64_t tile) { return first_of_piece(m, tiles, tile); };
  std::int64_t elements = 0;
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    elements = std::max(elements, kernels::mixed_gemm_workspace<A, B, C>(
                                      first_of(tile + 1) - first_of(tile), num_columns(c), inner));
  }
  memory::Tensor<Accumulate<B>> panels;
  if (elements > 0) {
    panels = context.ledger.tensor<Accumulate<B>>("product panels", layer,
                                                  memory::TensorClass::workspace, 1, elements);
  }
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::int64_t first = first_of(tile);
    const std::int64_t height = first_of(tile + 1) - first;
    const Matrix<A> part =
        op_a == kernels::Op::transpose ? columns(a, first, height) : rows(a, first, height);
    kernels::mixed_gemm(context.device, op_a, op_b, part, b, bias, rows(c, first, height),
                        as_vector(panels.view()), into == Into::added_to);
    if (polls) context.communicator.poll();
  }
}

}  // namespace tidemark::parallel
