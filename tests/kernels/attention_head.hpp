// SPDX-License-Identifier: BSD-3-Clause
// The attention of one head, for the tests of the block softmax.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/block_softmax.hpp"
#include "kernels/references.hpp"
#include "kernels/softmax.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels::reference {

/// One head of one sequence: a [length, length] matrix of scores.
struct Head {
  std::int64_t length = 1;
  bool causal = true;
  double p = 0.0;                   ///< of dropout
  std::uint64_t first_element = 0;  ///< of the scores, in the global [a, b, s, s]
  double scale = 0.25;

  static constexpr philox::Key key{1234, 36};

  [[nodiscard]] ScoreShape shape() const { return {scale, causal}; }
  [[nodiscard]] Dropout dropout() const { return make_dropout(p, key, first_element); }
  [[nodiscard]] ScoreBlock block(std::int64_t first_query, std::int64_t first_key) const {
    return {first_query, first_key, length, scale, causal};
  }
  /// The dropout factor of each weight.
  [[nodiscard]] Table<double> factors() const {
    return dropout_factors(key, p, first_element, length, length);
  }
};

inline ::testing::Message in_words(const Head& head) {
  return ::testing::Message() << head.length << " keys, causal " << head.causal << ", p " << head.p
                              << ", first " << head.first_element;
}

/// The heads that are tested: p = 0 and more, with elements that begin anywhere in a Philox block.
inline std::vector<Head> heads_of(std::int64_t length, bool causal) {
  return {{length, causal},
          {length, causal, 0.1, 0},
          {length, causal, 0.5, 17179869182ULL},
          {length, causal, 0.9, 5}};
}

/// Scores or gradients of a block: rows [i, i + m), columns [j, j + n).
template <class F>
Table<F> block_of(const Table<F>& table, std::int64_t i, std::int64_t m, std::int64_t j,
                  std::int64_t n) {
  return columns_of(rows_of(table, i, m), j, n);
}

/// Puts a block back to its place in the table.
template <class F>
void put_block(const Table<F>& block, std::int64_t i, std::int64_t j, Table<F>& table) {
  for (std::int64_t row = 0; row < block.rows; ++row) {
    for (std::int64_t column = 0; column < block.columns; ++column) {
      table(i + row, j + column) = block(row, column);
    }
  }
}

/// A table [1, R] in the form in which a kernel takes R rows, [R, 1].
template <class F>
Matrix<F> as_column(const support::DeviceTable<F>& row) {
  return Matrix<F>(row.vector().data(), row.vector().extent(0), 1);
}

/// x y^T or x y
inline Table<double> product(const Table<double>& x, const Table<double>& y,
                             bool transpose = false) {
  Table<double> result(x.rows, transpose ? y.rows : y.columns);
  for (std::int64_t i = 0; i < result.rows; ++i) {
    for (std::int64_t j = 0; j < result.columns; ++j) {
      for (std::int64_t l = 0; l < x.columns; ++l) {
        result(i, j) += x(i, l) * (transpose ? y(j, l) : y(l, j));
      }
    }
  }
  return result;
}

/// log sum exp of the scaled scores of each row, [1, s].
template <class F>
Table<double> log_sum_exp(const Head& head, const Table<F>& scores) {
  const Table<double> probabilities = softmax(head.shape(), scores);
  Table<double> result(1, head.length);
  for (std::int64_t i = 0; i < head.length; ++i) {
    // Computed from the most likely key, because P = exp(scale S - lse).
    std::int64_t best = 0;
    for (std::int64_t j = 1; j < head.length; ++j) {
      if (probabilities(i, j) > probabilities(i, best)) best = j;
    }
    result(0, i) =
        head.scale * static_cast<double>(scores(i, best)) - std::log(probabilities(i, best));
  }
  return result;
}

}  // namespace tidemark::kernels::reference
