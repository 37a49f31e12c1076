// SPDX-License-Identifier: BSD-3-Clause
// Dropout and softmax by their definitions, in doubles. Tests compare the kernels with them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/philox.hpp"
#include "kernels/softmax.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels::reference {

using support::Table;

/// Whether the definition keeps the element with this global index.
inline bool keeps(philox::Key key, double p, std::uint64_t element) {
  return static_cast<double>(philox::word_of_element(key, element)) >= std::round(p * 4294967296.0);
}

/// The dropout factors of the elements of rows that follow each other from `first`.
inline Table<double> dropout_factors(philox::Key key, double p, std::uint64_t first,
                                     std::int64_t rows, std::int64_t columns) {
  Table<double> factors(rows, columns, 1.0);
  if (p == 0.0) return factors;
  std::uint64_t element = first;
  for (double& factor : factors.values) {
    factor = keeps(key, p, element++) ? 1.0 / (1.0 - p) : 0.0;
  }
  return factors;
}

/// The number of keys that the query of a row sees.
inline std::int64_t seen_by(const ScoreShape& shape, std::int64_t row, std::int64_t keys) {
  return shape.causal ? row % keys + 1 : keys;
}

/// softmax(scale * scores); 0 where a key is not seen.
template <class F>
Table<double> softmax(const ScoreShape& shape, const Table<F>& scores) {
  Table<double> result(scores.rows, scores.columns);
  for (std::int64_t i = 0; i < scores.rows; ++i) {
    const std::int64_t seen = seen_by(shape, i, scores.columns);
    const double highest = *std::max_element(&scores(i, 0), &scores(i, 0) + seen);
    double sum = 0.0;
    for (std::int64_t j = 0; j < seen; ++j) {
      result(i, j) = std::exp(shape.scale * (static_cast<double>(scores(i, j)) - highest));
      sum += result(i, j);
    }
    for (std::int64_t j = 0; j < seen; ++j) result(i, j) /= sum;
  }
  return result;
}

/// x * y, element by element.
inline Table<double> times(const Table<double>& x, const Table<double>& y) {
  Table<double> product = x;
  for (std::size_t i = 0; i < x.values.size(); ++i) product.values[i] *= y.values[i];
  return product;
}

/// The gradient of the scores, from that of the dropped probabilities, by the Jacobian of the
/// softmax.
inline Table<double> softmax_gradient(const ScoreShape& shape, const Table<double>& probabilities,
                                      const Table<double>& factors, const Table<double>& gradient) {
  Table<double> result = times(factors, gradient);
  for (std::int64_t i = 0; i < result.rows; ++i) {
    double projection = 0.0;
    for (std::int64_t j = 0; j < result.columns; ++j) {
      projection += probabilities(i, j) * result(i, j);
    }
    for (std::int64_t j = 0; j < result.columns; ++j) {
      result(i, j) = shape.scale * probabilities(i, j) * (result(i, j) - projection);
    }
  }
  return result;
}

}  // namespace tidemark::kernels::reference
