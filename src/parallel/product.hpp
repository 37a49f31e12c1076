// Matrix products of a sharded layer, with the workspace they need entered in the ledger.
#pragma once

#include <algorithm>

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
/// Beside communication that this rank has to drive itself, the product is formed by tiles of
/// columns, which cost less than tiles of rows where rows are fewer than columns are long: B, a
/// weight, is packed once either way, and only A over and over. How wide a tile has to be for its
/// cost to vanish depends on the width alone, since packing is linear in it and multiplying, too.
template <class A, class B, class C>
void multiply(const Context& context, int layer, kernels::Op op_a, kernels::Op op_b,
              const Matrix<A>& a, const Matrix<B>& b, const Vector<B>& bias, const Matrix<C>& c,
              Beside beside = Beside::nothing, Into into = Into::overwritten) {
  const std::int64_t inner = op_a == kernels::Op::transpose ? num_rows(a) : num_columns(a);
  const std::int64_t n = num_columns(c);
  const bool polls = beside == Beside::communication && context.schedule.polls;
  const std::int64_t tiles =
      polls ? std::max<std::int64_t>(1, n / context.schedule.tile_columns) : 1;
  const std::int64_t tile = tiles == 1 ? n : (n + tiles - 1) / tiles;
  const auto workspace_of = [&](std::int64_t width) {
    return kernels::mixed_gemm_workspace<A, B, C>(num_rows(c), width, inner);
  };
  const std::int64_t rest = n % std::max<std::int64_t>(tile, 1);
  const std::int64_t elements = std::max(workspace_of(tile), workspace_of(rest));
  memory::Tensor<Accumulate<B>> panels;
  if (elements > 0) {
    panels = context.ledger.tensor<Accumulate<B>>("product panels", layer,
                                                  memory::TensorClass::workspace, 1, elements);
  }
  const bool has_bias = bias.extent(0) > 0;
  for (std::int64_t first = 0; first < n || first == 0; first += std::max<std::int64_t>(tile, 1)) {
    const std::int64_t width = std::min(tile, n - first);
    const bool is_whole = width == n;
    const Matrix<B> part = is_whole ? b
                                    : (op_b == kernels::Op::transpose ? rows(b, first, width)
                                                                      : columns(b, first, width));
    const Vector<B> shift(has_bias ? bias.data() + first : nullptr,
                          has_bias ? static_cast<std::size_t>(width) : 0);
    kernels::mixed_gemm(context.device, op_a, op_b, a, part, shift,
                        is_whole ? c : columns(c, first, width), as_vector(panels.view()),
                        into == Into::added_to);
    if (polls) context.communicator.poll();
  }
}

}  // namespace tidemark::parallel
