#include "kernels/check_product.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace tidemark::kernels {

namespace {

constexpr std::int64_t width = ProductCheck::block_columns;
/// Sums at once on a host, whose compiler may not reorder one: it must keep NaN.
constexpr int lanes = 8;
/// Columns of a transposed operand that are worked on at once.
constexpr std::int64_t strip = 64;

using Doubles = Kokkos::View<double*, MemorySpace>;

Doubles doubles(const char* label, std::int64_t count) {
  return Doubles(Kokkos::ViewAllocateWithoutInitializing(label), static_cast<std::size_t>(count));
}

constexpr std::int64_t blocks_of(std::int64_t columns) { return (columns + width - 1) / width; }

KOKKOS_INLINE_FUNCTION std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// +1 or -1 for a column; the finaliser of splitmix64 (Steele, Lea, Flood, OOPSLA'14).
KOKKOS_INLINE_FUNCTION double sign_of(std::uint64_t seed, std::int64_t column) {
  std::uint64_t z = seed + static_cast<std::uint64_t>(column + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return ((z ^ (z >> 31)) & 1U) != 0U ? 1.0 : -1.0;
}

Doubles signs_of(const Device& device, std::uint64_t seed, std::int64_t columns) {
  const Doubles signs = doubles("tidemark::check_product_signs", columns);
  Kokkos::parallel_for(
      "tidemark::check_product_signs",
      Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<std::int64_t>>(*device.exec, 0,
                                                                           columns),
      KOKKOS_LAMBDA(const std::int64_t j) { signs(j) = sign_of(seed, j); });
  return signs;
}

/// A sum with weights, and the sum of squares.
struct Folded {
  double sum = 0.0;
  double squares = 0.0;
};

/// sum of weights[i] x[i] and of x[i]^2, by the lanes of a team; the result is on each of them.
template <class T>
KOKKOS_INLINE_FUNCTION Folded fold(const TeamMember& team, const double* weights, const T* x,
                                   std::int64_t count) {
  Folded total;
  if constexpr (runs_on_host) {
    double sums[lanes] = {};
    double squares[lanes] = {};
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      for (int lane = 0; lane < lanes; ++lane) {
        const auto value = static_cast<double>(x[i + lane]);
        sums[lane] += weights[i + lane] * value;
        squares[lane] += value * value;
      }
    }
    for (; i < count; ++i) {
      const auto value = static_cast<double>(x[i]);
      total.sum += weights[i] * value;
      total.squares += value * value;
    }
    for (int lane = 0; lane < lanes; ++lane) {
      total.sum += sums[lane];
      total.squares += squares[lane];
    }
  } else {
    const int n = static_cast<int>(count);
    Kokkos::parallel_reduce(
        Kokkos::ThreadVectorRange(team, n),
        [&](const int i, double& part) { part += weights[i] * static_cast<double>(x[i]); },
        total.sum);
    Kokkos::parallel_reduce(
        Kokkos::ThreadVectorRange(team, n),
        [&](const int i, double& part) {
          const auto value = static_cast<double>(x[i]);
          part += value * value;
        },
        total.squares);
  }
  return total;
}

/// sum over l of weights[l] X[l, first + i], and of X^2, for the columns of a strip: into
/// sums[i * distance] and squares[i * distance].
template <class T>
KOKKOS_INLINE_FUNCTION void fold_strip(const TeamMember& team, const double* weights,
                                       const T* x, std::int64_t stride, std::int64_t terms,
                                       std::int64_t columns, double* sums, double* squares,
                                       std::int64_t distance) {
  if constexpr (runs_on_host) {
    double sum[strip] = {};
    double square[strip] = {};
    for (std::int64_t l = 0; l < terms; ++l) {
      const T* const row = x + l * stride;
      if (columns == strip) {
        for (int i = 0; i < strip; ++i) {
          const auto value = static_cast<double>(row[i]);
          sum[i] += weights[l] * value;
          square[i] += value * value;
        }
      } else {
        for (std::int64_t i = 0; i < columns; ++i) {
          const auto value = static_cast<double>(row[i]);
          sum[i] += weights[l] * value;
          square[i] += value * value;
        }
      }
    }
    for (std::int64_t i = 0; i < columns; ++i) {
      sums[i * distance] = sum[i];
      squares[i * distance] = square[i];
    }
  } else {
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, static_cast<int>(columns)),
                         [&](const int i) {
                           double sum = 0.0;
                           double square = 0.0;
                           for (std::int64_t l = 0; l < terms; ++l) {
                             const auto value = static_cast<double>(x[l * stride + i]);
                             sum += weights[l] * value;
                             square += value * value;
                           }
                           sums[i * distance] = sum;
                           squares[i * distance] = square;
                         });
  }
}

/// op(X) x by blocks of op(X)'s columns, and the squares: X [rows, columns] as it is read, results
/// [rows, blocks], where `by_block` says otherwise [blocks, rows].
template <class T>
void fold_columns(const Device& device, const Matrix<T>& x, const Doubles& signs, double* folded,
                  double* squares, bool by_block) {
  const std::int64_t rows = num_rows(x);
  const std::int64_t columns = num_columns(x);
  const std::int64_t blocks = blocks_of(columns);
  const std::int64_t next_block = by_block ? rows : 1;
  const std::int64_t next_row = by_block ? 1 : blocks;
  for_each_row(
      device, "tidemark::check_product_fold", rows, KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t i = team.league_rank();
        const T* const row = row_pointer(x, i);
        for (std::int64_t q = 0; q < blocks; ++q) {
          const std::int64_t first = q * width;
          const Folded total =
              fold(team, signs.data() + first, row + first, least(width, columns - first));
          folded[i * next_row + q * next_block] = total.sum;
          squares[i * next_row + q * next_block] = total.squares;
        }
      });
}

/// The same of X^T: X [columns, rows], results [blocks, rows].
template <class T>
void fold_rows(const Device& device, const Matrix<T>& x, const Doubles& signs, double* folded,
               double* squares) {
  const std::int64_t rows = num_columns(x);
  const std::int64_t columns = num_rows(x);
  const std::int64_t blocks = blocks_of(columns);
  const std::int64_t strips = (rows + strip - 1) / strip;
  for_each_row(
      device, "tidemark::check_product_fold", blocks * strips,
      KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t q = team.league_rank() / strips;
        const std::int64_t first = team.league_rank() % strips * strip;
        const std::int64_t column = q * width;
        fold_strip(team, signs.data() + column, row_pointer(x, column) + first,
                   static_cast<std::int64_t>(x.stride(0)), least(width, columns - column),
                   least(strip, rows - first), folded + q * rows + first,
                   squares + q * rows + first, 1);
      });
}

/// out[q] = sum over i of squares[q, i].
Doubles sums_by_block(const Device& device, const Doubles& squares, std::int64_t blocks,
                      std::int64_t rows) {
  const Doubles out = doubles("tidemark::check_product_norms", blocks);
  const Doubles ones = doubles("tidemark::check_product_ones", rows);
  Kokkos::deep_copy(*device.exec, ones, 1.0);
  for_each_row(
      device, "tidemark::check_product_norms", blocks, KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t q = team.league_rank();
        out(q) = fold(team, ones.data(), squares.data() + q * rows, rows).sum;
      });
  return out;
}

/// What op(A) makes of the folded op(B): products [m, blocks], squares [m] of op(A)'s rows.
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
          for (std::int64_t q = 0; q < blocks; ++q) {
            const Folded total = fold(team, folded.data() + q * k, row_pointer(a, i), k);
            right.products(i * blocks + q) = total.sum;
            right.squares(i) = total.squares;
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

/// The unit roundoffs of a product, and the length of its sums.
struct Rounding {
  double sums;      ///< of the type in which sums are formed, and of the check itself
  double result;    ///< of C, where that is narrower; else 0
  double operands;  ///< of what the library rounds the operands to; else 0
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

/// The most that rounding explains of a block of one row: see ProductCheck. `result` and `before`
/// are the norms of C's block and of what stood there, `factors` is |alpha| |a| |B's block|.
KOKKOS_INLINE_FUNCTION double bound_of(const Rounding& u, double result, double before,
                                       double factors) {
  constexpr double lambda = ProductCheck::lambda;
  const double root = std::sqrt(u.terms);
  const double typical = factors / root;
  const double elements = lambda * u.sums * root * (result + before + lambda * typical) +
                          u.result * result + 2.0 * lambda * u.operands * typical;
  // Numbers that are too small for fp32 may have been taken for zero.
  constexpr double smallest = 1e-37;
  return lambda * elements + smallest * u.terms;
}

/// All that the comparison takes, for the kernel.
struct Comparison {
  std::int64_t blocks;
  double alpha, beta;
  Rounding rounding;
  Doubles folded, squares;                ///< of C [m, blocks]
  Doubles before, before_squares;         ///< of what stood there, where beta is not 0
  Doubles products, a_squares, b_squares; ///< [m, blocks], [m], [blocks]
  Doubles bias, bias_squares;             ///< [blocks], where there is one
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
        // NaN and infinity compare as larger than anything.
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
    return Doubles(Kokkos::subview(of_all, std::pair<std::int64_t, std::int64_t>(
                                               i * each, (i + 1) * each)));
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

#define TIDEMARK_INSTANTIATE(T, C)                                                             \
  template std::string ProductCheck::name_of(const ProductCall<T, C>&);                        \
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
