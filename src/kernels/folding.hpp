// SPDX-License-Identifier: BSD-3-Clause
// Sums of a matrix's columns with random signs, by blocks of columns, for Freivalds' test of a
// product.
#pragma once

#include <cstdint>

#include "base/matrix_batch.hpp"
#include "base/mix.hpp"

namespace tidemark::kernels::folding {

/// Columns per block. One wrong element must stand out among them.
constexpr std::int64_t width = 64;
/// Partial sums at once on a host, where the compiler may not reorder a sum, because it must keep
/// NaN. Long sums use more of them, so that additions need not wait for each other.
constexpr int lanes = 8;
constexpr int long_lanes = 32;
/// Columns of a transposed operand per strip.
constexpr std::int64_t strip = 64;

using Doubles = Kokkos::View<double*, MemorySpace>;

inline Doubles doubles(const char* label, std::int64_t count) {
  return Doubles(Kokkos::ViewAllocateWithoutInitializing(label), static_cast<std::size_t>(count));
}

constexpr std::int64_t blocks_of(std::int64_t columns) { return (columns + width - 1) / width; }

KOKKOS_INLINE_FUNCTION std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// +1 or -1 for a column.
KOKKOS_INLINE_FUNCTION double sign_of(std::uint64_t seed, std::int64_t column) {
  const std::uint64_t z = mix(seed + static_cast<std::uint64_t>(column + 1) * golden_step);
  return (z & 1U) != 0U ? 1.0 : -1.0;
}

inline Doubles signs_of(const Device& device, std::uint64_t seed, std::int64_t columns) {
  const Doubles signs = doubles("tidemark::check_product_signs", columns);
  Kokkos::parallel_for(
      "tidemark::check_product_signs",
      Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<std::int64_t>>(*device.exec, 0,
                                                                           columns),
      KOKKOS_LAMBDA(const std::int64_t j) { signs(j) = sign_of(seed, j); });
  return signs;
}

/// A weighted sum and a sum of squares.
struct Folded {
  double sum = 0.0;
  double squares = 0.0;
};

/// sum of weights[i] x[i], by the lanes of a team. Every lane gets the result.
template <class T>
KOKKOS_INLINE_FUNCTION double weigh(const TeamMember& team, const double* weights, const T* x,
                                    std::int64_t count) {
  double total = 0.0;
  if constexpr (runs_on_host) {
    double sums[long_lanes] = {};
    std::int64_t i = 0;
    for (; i + long_lanes <= count; i += long_lanes) {
      for (int lane = 0; lane < long_lanes; ++lane) {
        sums[lane] += weights[i + lane] * static_cast<double>(x[i + lane]);
      }
    }
    for (; i < count; ++i) total += weights[i] * static_cast<double>(x[i]);
    for (int lane = 0; lane < long_lanes; ++lane) total += sums[lane];
  } else {
    Kokkos::parallel_reduce(
        Kokkos::ThreadVectorRange(team, static_cast<int>(count)),
        [&](const int i, double& part) { part += weights[i] * static_cast<double>(x[i]); }, total);
  }
  return total;
}

/// The same, and the sum of x[i]^2.
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

/// For the columns of a strip: sum over l of weights[l] X[l, first + i] in sums[i * distance], and
/// the sum of the squares of X in squares[i * distance].
template <class T>
KOKKOS_INLINE_FUNCTION void fold_strip(const TeamMember& team, const double* weights, const T* x,
                                       std::int64_t stride, std::int64_t terms,
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

/// op(X) x by blocks of op(X)'s columns, and the squares. X is [rows, columns] as it is read.
/// Results are [rows, blocks], or [blocks, rows] with `by_block`.
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

/// The same for X^T: X [columns, rows], results [blocks, rows].
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
inline Doubles sums_by_block(const Device& device, const Doubles& squares, std::int64_t blocks,
                             std::int64_t rows) {
  const Doubles out = doubles("tidemark::check_product_norms", blocks);
  const Doubles ones = doubles("tidemark::check_product_ones", rows);
  Kokkos::deep_copy(*device.exec, ones, 1.0);
  for_each_row(
      device, "tidemark::check_product_norms", blocks, KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t q = team.league_rank();
        out(q) = weigh(team, ones.data(), squares.data() + q * rows, rows);
      });
  return out;
}

}  // namespace tidemark::kernels::folding
