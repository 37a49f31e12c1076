// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/mixed_gemm.hpp"

#include <algorithm>
#include <type_traits>

#include <fmt/format.h>

#include "base/error.hpp"
#include "kernels/convert.hpp"

namespace tidemark::kernels {

namespace {

// A panel of A is converted once and multiplied by all of B, panel by panel. So B is converted m /
// rows times. The limits keep this number small, and keep B's panel in the outer cache.
constexpr std::int64_t panel_a_elements = std::int64_t{4} << 20;
constexpr std::int64_t panel_b_elements = std::int64_t{1} << 20;
constexpr std::int64_t fewest_rows = 64;

struct Panels {
  std::int64_t rows;     ///< of op(A) per panel
  std::int64_t columns;  ///< of op(B) per panel
};

Panels panels_of(std::int64_t m, std::int64_t n, std::int64_t k) {
  const auto share = [k](std::int64_t whole, std::int64_t elements) {
    const std::int64_t fitting = std::max(fewest_rows, elements / std::max<std::int64_t>(k, 1));
    // Pieces are even, because a last piece of a few rows would be slow.
    const std::int64_t pieces = (whole + fitting - 1) / fitting;
    return pieces == 0 ? 0 : (whole + pieces - 1) / pieces;
  };
  return {share(m, panel_a_elements), share(n, panel_b_elements)};
}

/// Rows [first, first + count) of op(X).
template <class T>
Matrix<T> part(const Matrix<T>& x, bool by_columns, std::int64_t first, std::int64_t count) {
  return by_columns ? columns(x, first, count) : rows(x, first, count);
}

/// The operand in the type F: itself, or a converted copy in `storage`.
template <class F, class T>
Matrix<F> in_full(Device& device, const Matrix<T>& x, F* storage) {
  if constexpr (std::is_same_v<T, F>) {
    return x;
  } else {
    const Matrix<F> panel(storage, x.extent(0), x.extent(1));
    convert(device, x, panel);
    return panel;
  }
}

/// c = sums + bias, rounded; an empty bias means none. sums, c [R, C] may be one matrix. bias [C].
template <class F, class B, class C>
void store(Device& device, const Matrix<F>& sums, const Vector<B>& bias, const Matrix<C>& c) {
  const int width = static_cast<int>(num_columns(c));
  const B* const shift = bias.data();
  if (bias.extent(0) == 0) {
    if constexpr (!std::is_same_v<C, F>) convert(device, sums, c);
    return;
  }
  for_each_row(
      device, "tidemark::mixed_gemm_store", num_rows(c), KOKKOS_LAMBDA(const TeamMember& team) {
        const F* const in = row_pointer(sums, team.league_rank());
        C* const out = row_pointer(c, team.league_rank());
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                             [&](const int j) { out[j] = C(in[j] + F(shift[j])); });
      });
}

/// If the library takes bf16: the number of stored rows of A that are rounded at a time. The
/// function below gives the largest number of bf16 elements that this needs, for A and for its
/// transpose.
constexpr std::int64_t rounded_rows(std::int64_t width) {
  return std::max(fewest_rows, panel_a_elements / std::max<std::int64_t>(width, 1));
}
std::int64_t rounded_elements(std::int64_t m, std::int64_t k) {
  return std::max(std::min(rounded_rows(k), m) * k, std::min(rounded_rows(m), k) * m);
}

/// C = op(A) op(B), or C +=, for a library that takes matrices of B. A is rounded to that type.
template <class A, class B, class C>
void multiply_narrow(Device& device, Op op_a, Op op_b, const Matrix<A>& a, const Matrix<B>& b,
                     const Matrix<C>& c, const Vector<Accumulate<B>>& workspace, bool accumulate) {
  using F = Accumulate<B>;
  if constexpr (std::is_same_v<A, B>) {
    gemm(device, op_a, op_b, F(1), a, b, accumulate ? F(1) : F(0), c);
  } else {
    const std::int64_t step = rounded_rows(num_columns(a));
    const bool by_terms = op_a == Op::transpose;
    TIDEMARK_REQUIRE(!by_terms || (std::is_same_v<C, F>) || num_rows(a) <= step,
                     "sums that are formed in pieces must not be rounded");
    for (std::int64_t first = 0; first < num_rows(a); first += step) {
      const std::int64_t count = std::min(step, num_rows(a) - first);
      const Matrix<B> rounded(reinterpret_cast<B*>(workspace.data()),
                              static_cast<std::size_t>(count), a.extent(1));
      convert(device, rows(a, first, count), rounded);
      if (by_terms) {
        const Matrix<B> terms = part(b, op_b == Op::transpose, first, count);
        gemm(device, op_a, op_b, F(1), rounded, terms, accumulate || first > 0 ? F(1) : F(0), c);
      } else {
        gemm(device, op_a, op_b, F(1), rounded, b, accumulate ? F(1) : F(0), rows(c, first, count));
      }
    }
  }
}

}  // namespace

template <class A, class B, class C>
std::int64_t mixed_gemm_workspace(const Device& device, std::int64_t m, std::int64_t n,
                                  std::int64_t k) {
  using F = Accumulate<B>;
  if (is_narrow<B> && device.products.takes_bf16) {
    constexpr std::int64_t narrow_in_one = sizeof(F) / sizeof(B);
    return std::is_same_v<A, B> ? 0 : (rounded_elements(m, k) + narrow_in_one - 1) / narrow_in_one;
  }
  const Panels panels = panels_of(m, n, k);
  return (std::is_same_v<A, F> ? 0 : panels.rows * k) +
         (std::is_same_v<B, F> ? 0 : panels.columns * k) +
         (std::is_same_v<C, F> ? 0 : panels.rows * panels.columns);
}

namespace {

/// C = op(A) op(B) + bias, or C +=, for a library that takes no bf16: bf16 operands and results go
/// through panels in the workspace.
template <class A, class B, class C>
void multiply_in_panels(Device& device, Op op_a, Op op_b, const Matrix<A>& a, const Matrix<B>& b,
                        const Vector<B>& bias, const Matrix<C>& c,
                        const Vector<Accumulate<B>>& workspace, bool accumulate) {
  using F = Accumulate<B>;
  const bool has_bias = bias.extent(0) > 0;
  const bool transpose_a = op_a == Op::transpose;
  const bool transpose_b = op_b == Op::transpose;
  const std::int64_t m = num_rows(c);
  const std::int64_t n = num_columns(c);
  const std::int64_t k = transpose_a ? num_rows(a) : num_columns(a);
  // A dry run skips the panels, because a long sequence has very many.
  if (!device.launches()) {
    device.gemm_flops += 2 * static_cast<std::uint64_t>(m) * static_cast<std::uint64_t>(n) *
                         static_cast<std::uint64_t>(k);
    return;
  }
  const Panels panels = panels_of(m, n, k);
  F* const for_a = workspace.data();
  F* const for_b = for_a + (std::is_same_v<A, F> ? 0 : panels.rows * k);
  F* const for_c = for_b + (std::is_same_v<B, F> ? 0 : panels.columns * k);
  for (std::int64_t i = 0; i < m; i += panels.rows) {
    const std::int64_t height = std::min(panels.rows, m - i);
    const Matrix<F> left = in_full<F>(device, part(a, transpose_a, i, height), for_a);
    for (std::int64_t j = 0; j < n; j += panels.columns) {
      const std::int64_t width = std::min(panels.columns, n - j);
      const Matrix<F> right = in_full<F>(device, part(b, !transpose_b, j, width), for_b);
      const Matrix<C> target = columns(rows(c, i, height), j, width);
      const Vector<B> shift(has_bias ? bias.data() + j : nullptr,
                            has_bias ? static_cast<std::size_t>(width) : 0);
      Matrix<F> sums;
      if constexpr (std::is_same_v<C, F>) {
        sums = target;
      } else {
        sums = Matrix<F>(for_c, static_cast<std::size_t>(height), static_cast<std::size_t>(width));
      }
      gemm(device, op_a, op_b, F(1), left, right, accumulate ? F(1) : F(0), sums);
      store(device, sums, shift, target);
    }
  }
}

}  // namespace

template <class A, class B, class C>
void mixed_gemm(Device& device, Op op_a, Op op_b, const Matrix<A>& a, const Matrix<B>& b,
                const Vector<B>& bias, const Matrix<C>& c, const Vector<Accumulate<B>>& workspace,
                bool accumulate) {
  using F = Accumulate<B>;
  // Panels have the shape of C. Panels cut from a matrix of a wrong shape would still fit, so this
  // checks the shapes first.
  require_product_fits(op_a, op_b, shape_of(a), shape_of(b), shape_of(c));
  const bool has_bias = bias.extent(0) > 0;
  TIDEMARK_REQUIRE(!accumulate || (std::is_same_v<C, F> && !has_bias),
                   "only sums that are not rounded can be added to");
  TIDEMARK_REQUIRE(!has_bias || bias.extent(0) == c.extent(1),
                   fmt::format("bias of {} for {} columns", bias.extent(0), c.extent(1)));
  constexpr bool is_plain = std::is_same_v<A, B> && std::is_same_v<B, C>;
  const bool narrow = is_narrow<B> && device.products.takes_bf16;
  if constexpr (is_plain) {
    if (has_bias && (narrow || !is_narrow<B>)) {
      gemm_with_bias(device, op_a, op_b, a, b, bias, c);
      return;
    }
  }
  if constexpr (!is_narrow<B>) {
    gemm(device, op_a, op_b, F(1), a, b, accumulate ? F(1) : F(0), c);
  } else if (narrow) {
    TIDEMARK_REQUIRE(!has_bias, "a bias goes with operands and results of its type");
    multiply_narrow(device, op_a, op_b, a, b, c, workspace, accumulate);
  } else {
    multiply_in_panels(device, op_a, op_b, a, b, bias, c, workspace, accumulate);
  }
}

#define TIDEMARK_INSTANTIATE(A, B, C)                                                             \
  template std::int64_t mixed_gemm_workspace<A, B, C>(const Device&, std::int64_t, std::int64_t,  \
                                                      std::int64_t);                              \
  template void mixed_gemm(Device&, Op, Op, const Matrix<A>&, const Matrix<B>&, const Vector<B>&, \
                           const Matrix<C>&, const Vector<Accumulate<B>>&, bool);
TIDEMARK_INSTANTIATE(float, float, float)
TIDEMARK_INSTANTIATE(double, double, double)
TIDEMARK_INSTANTIATE(bfloat16, bfloat16, bfloat16)  // Y = X W^T, dX = dY W
TIDEMARK_INSTANTIATE(bfloat16, bfloat16, float)     // dW = dY^T X, logits
TIDEMARK_INSTANTIATE(float, bfloat16, bfloat16)     // gradient of logits, back to activations
TIDEMARK_INSTANTIATE(float, bfloat16, float)        // gradient of logits, to weights
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
