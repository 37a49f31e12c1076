// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/check_product.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "kernels/folding.hpp"

namespace tidemark::kernels {

namespace {

using namespace folding;

/// op(A) times the folded op(B): products [m, blocks], and squares [m] of op(A)'s rows.
struct Right {
  Doubles products, squares;
};

template <class T>
Right multiply_folded(const Device& device, Op op, const Matrix<T>& a, const Doubles& folded,
                      std::int64_t blocks) {
  const bool transposed = op == Op::transpose;
  const std::int64_t m = transposed ? num_columns(a) : num_rows(a);
  const std::int64_t k = transposed ? num_rows(a) : num_columns(a);
  const Right right{doubles("tidemark::check_product_right", m * blocks),
                    doubles("tidemark::check_product_squares", m)};
  if (!transposed) {
    for_each_row(
        device, "tidemark::check_product_right", m, KOKKOS_LAMBDA(const TeamMember& team) {
          const std::int64_t i = team.league_rank();
          const Folded first = fold(team, folded.data(), row_pointer(a, i), k);
          right.products(i * blocks) = first.sum;
          right.squares(i) = first.squares;
          for (std::int64_t q = 1; q < blocks; ++q) {
            right.products(i * blocks + q) =
                weigh(team, folded.data() + q * k, row_pointer(a, i), k);
          }
        });
    return right;
  }
  const Doubles squares = doubles("tidemark::check_product_squares", m * blocks);
  const std::int64_t strips = (m + strip - 1) / strip;
  for_each_row(
      device, "tidemark::check_product_right", strips * blocks,
      KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t q = team.league_rank() % blocks;
        const std::int64_t first = team.league_rank() / blocks * strip;
        fold_strip(team, folded.data() + q * k, row_pointer(a, 0) + first,
                   static_cast<std::int64_t>(a.stride(0)), k, least(strip, m - first),
                   right.products.data() + first * blocks + q, squares.data() + first * blocks + q,
                   blocks);
      });
  Kokkos::parallel_for(
      "tidemark::check_product_squares",
      Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<std::int64_t>>(*device.exec, 0, m),
      KOKKOS_LAMBDA(const std::int64_t i) { right.squares(i) = squares(i * blocks); });
  return right;
}

/// The unit roundoffs of a product, and the number of terms of its sums.
struct Rounding {
  double sums;      ///< of the type of the sums, and of the check itself
  double result;    ///< of C, if that is narrower; else 0
  double operands;  ///< of the type to which the library rounds the operands; else 0
  double terms;     ///< k
};

template <class T>
constexpr double unit_roundoff() {
  return is_narrow<T> ? 0x1p-8 : sizeof(T) == 8 ? 0x1p-53 : 0x1p-24;
}

template <class T, class C>
Rounding rounding_of(bool to_tf32, std::int64_t terms) {
  return {unit_roundoff<Accumulate<T>>() + 2.0 * unit_roundoff<double>(),
          is_narrow<C> ? unit_roundoff<C>() : 0.0,
          to_tf32 && std::is_same_v<T, float> ? 0x1p-11 : 0.0, static_cast<double>(terms)};
}

/// Bound of the rounding errors in a row of a block; see ProductCheck. `result` and `before` are
/// the norms of the row in C after and before the product. `factors` is |alpha| |a| |B's block|.
KOKKOS_INLINE_FUNCTION double bound_of(const Rounding& u, double result, double before,
                                       double factors) {
  constexpr double lambda = ProductCheck::lambda;
  const double root = std::sqrt(u.terms);
  const double typical = factors / root;
  const double elements = lambda * u.sums * root * (result + before + lambda * typical) +
                          u.result * result + 2.0 * lambda * u.operands * typical;
  // Numbers that are too small for fp32 may count as zero.
  constexpr double smallest = 1e-37;
  return lambda * elements + smallest * u.terms;
}

/// The arguments of the comparison kernel.
struct Comparison {
  std::int64_t blocks;
  double alpha, beta;
  Rounding rounding;
  Doubles folded, squares;                 ///< of C [m, blocks]
  Doubles before, before_squares;          ///< of C before the product, if beta is not 0
  Doubles products, a_squares, b_squares;  ///< [m, blocks], [m], [blocks]
  Doubles bias, bias_squares;              ///< [blocks], if there is a bias
};

double worst_ratio(const Device& device, const Comparison& of, std::int64_t rows) {
  const bool adds = of.before.data() != nullptr;
  const bool has_bias = of.bias.data() != nullptr;
  double worst = 0.0;
  Kokkos::parallel_reduce(
      "tidemark::check_product_compare",
      Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<std::int64_t>>(*device.exec, 0,
                                                                           rows * of.blocks),
      KOKKOS_LAMBDA(const std::int64_t at, double& part) {
        const std::int64_t i = at / of.blocks;
        const std::int64_t q = at % of.blocks;
        double expected = of.alpha * of.products(at);
        double before = 0.0;
        if (adds) {
          expected += of.beta * of.before(at);
          before = of.beta * of.beta * of.before_squares(at);
        }
        if (has_bias) {
          expected += of.bias(q);
          before += of.bias_squares(q);
        }
        const double magnitude = of.alpha < 0.0 ? -of.alpha : of.alpha;
        const double bound =
            bound_of(of.rounding, std::sqrt(of.squares(at)), std::sqrt(before),
                     magnitude * std::sqrt(of.a_squares(i)) * std::sqrt(of.b_squares(q)));
        const double error = expected - of.folded(at);
        const double ratio = (error < 0.0 ? -error : error) / bound;
        // NaN and infinity count as larger than any number.
        const double value = ratio <= 1e300 ? ratio : HUGE_VAL;
        part = value > part ? value : part;
      },
      Kokkos::Max<double>(worst));
  return worst < 0.0 ? 0.0 : worst;
}

}  // namespace

template <class T, class C>
std::string ProductCheck::name_of(const ProductCall<T, C>& call) {
  const bool transposed = call.op_a == Op::transpose;
  const std::int64_t k = transposed ? num_rows(call.a.first) : num_columns(call.a.first);
  return fmt::format("product [{}, {}]{} x [{}, {}]{} of {} into {}, strides {} {} {}{}{}{}",
                     num_rows(call.c.first), k, transposed ? " (A^T)" : "", k,
                     num_columns(call.c.first), call.op_b == Op::transpose ? " (B^T)" : "",
                     tidemark::name_of(dtype_of<T>), tidemark::name_of(dtype_of<C>),
                     call.a.first.stride(0), call.b.first.stride(0), call.c.first.stride(0),
                     call.c.count > 1 ? fmt::format(", {} in a batch", call.c.count) : "",
                     call.beta != 0.0 ? ", added" : "", call.bias.extent(0) > 0 ? ", bias" : "");
}

bool ProductCheck::is_new(const Device& device, const std::string& name) {
  if (!device.launches() || !seen_.insert(name).second) return false;
  name_ = name;
  return true;
}

template <class C>
ProductCheck::Sides ProductCheck::fold_result(const Device& device, const MatrixBatch<C>& c,
                                              bool is_needed) const {
  if (!is_needed || c.first.extent(0) == 0 || c.first.extent(1) == 0) return {};
  const std::int64_t blocks = blocks_of(num_columns(c.first));
  const std::int64_t each = num_rows(c.first) * blocks;
  const Sides sides{doubles("tidemark::check_product_result", c.count * each),
                    doubles("tidemark::check_product_result", c.count * each)};
  const Doubles signs = signs_of(device, seed_, num_columns(c.first));
  for (std::int64_t i = 0; i < c.count; ++i) {
    fold_columns(device, c[i], signs, sides.folded.data() + i * each,
                 sides.squares.data() + i * each, false);
  }
  return sides;
}

template <class T, class C>
void ProductCheck::compare(const Device& device, const ProductCall<T, C>& call,
                           const Sides& before) {
  const std::int64_t m = num_rows(call.c.first);
  const std::int64_t n = num_columns(call.c.first);
  const std::int64_t k =
      call.op_a == Op::transpose ? num_rows(call.a.first) : num_columns(call.a.first);
  if (m == 0 || n == 0 || k == 0) return;
  const std::int64_t blocks = blocks_of(n);
  const std::int64_t each = m * blocks;
  const Doubles signs = signs_of(device, seed_, n);
  const Sides after = fold_result(device, call.c, true);
  const Doubles folded = doubles("tidemark::check_product_left", blocks * k);
  const Doubles squares = doubles("tidemark::check_product_left", blocks * k);
  Comparison comparison{};
  comparison.blocks = blocks;
  comparison.alpha = call.alpha;
  comparison.beta = call.beta;
  comparison.rounding = rounding_of<T, C>(call.rounds_to_tf32, k);
  if (call.bias.extent(0) > 0) {
    comparison.bias = doubles("tidemark::check_product_bias", blocks);
    comparison.bias_squares = doubles("tidemark::check_product_bias", blocks);
    fold_columns(device, Matrix<T>(call.bias.data(), 1, call.bias.extent(0)), signs,
                 comparison.bias.data(), comparison.bias_squares.data(), false);
  }
  const auto member = [&](const Doubles& of_all, std::int64_t i) {
    if (of_all.data() == nullptr) return Doubles();
    return Doubles(
        Kokkos::subview(of_all, std::pair<std::int64_t, std::int64_t>(i * each, (i + 1) * each)));
  };
  ++findings_.products;
  for (std::int64_t i = 0; i < call.c.count; ++i) {
    if (call.op_b == Op::transpose) {
      fold_rows(device, call.b[i], signs, folded.data(), squares.data());
    } else {
      fold_columns(device, call.b[i], signs, folded.data(), squares.data(), true);
    }
    const Right right = multiply_folded(device, call.op_a, call.a[i], folded, blocks);
    comparison.products = right.products;
    comparison.a_squares = right.squares;
    comparison.b_squares = sums_by_block(device, squares, blocks, k);
    comparison.folded = member(after.folded, i);
    comparison.squares = member(after.squares, i);
    comparison.before = member(before.folded, i);
    comparison.before_squares = member(before.squares, i);
    const double worst = worst_ratio(device, comparison, m);
    if (worst > findings_.worst || findings_.where.empty()) {
      findings_.worst = worst;
      findings_.where = name_;
    }
  }
}

#define TIDEMARK_INSTANTIATE(T, C)                                      \
  template std::string ProductCheck::name_of(const ProductCall<T, C>&); \
  template void ProductCheck::compare(const Device&, const ProductCall<T, C>&, const Sides&);
TIDEMARK_INSTANTIATE(float, float)
TIDEMARK_INSTANTIATE(double, double)
TIDEMARK_INSTANTIATE(bfloat16, bfloat16)
TIDEMARK_INSTANTIATE(bfloat16, float)
#undef TIDEMARK_INSTANTIATE

#define TIDEMARK_INSTANTIATE(C)                                                                \
  template ProductCheck::Sides ProductCheck::fold_result(const Device&, const MatrixBatch<C>&, \
                                                         bool) const;
TIDEMARK_INSTANTIATE(float)
TIDEMARK_INSTANTIATE(double)
TIDEMARK_INSTANTIATE(bfloat16)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
