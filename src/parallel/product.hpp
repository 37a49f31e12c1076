// SPDX-License-Identifier: BSD-3-Clause
// Matrix products of a sharded layer. Their workspace is entered in the ledger.
#pragma once

#include <algorithm>

#include "base/pieces.hpp"
#include "kernels/mixed_gemm.hpp"
#include "memory/ledger.hpp"
#include "parallel/context.hpp"

namespace tidemark::parallel {

/// What runs concurrently with a product.
enum class Beside { nothing, communication };

/// Whether a product overwrites C or adds to it.
enum class Into { overwritten, added_to };

/// C = op(A) op(B), or C += op(A) op(B), plus `bias` on every row; an empty vector means no bias.
/// The workspace is entered for `layer`. Shapes and types are those of kernels::mixed_gemm.
///
/// If this rank must drive communication during the product, the product is formed in tiles of rows
/// with polls in between. Each tile reads all of B again. So tiles have enough rows to hide this
/// cost.
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
    elements = std::max(
        elements, kernels::mixed_gemm_workspace<A, B, C>(
                      context.device, first_of(tile + 1) - first_of(tile), num_columns(c), inner));
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
