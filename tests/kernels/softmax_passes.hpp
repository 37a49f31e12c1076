// SPDX-License-Identifier: BSD-3-Clause
// Both passes of the softmax with dropout, and what their definitions demand of them, for tests.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>

#include <gtest/gtest.h>

#include "kernels/references.hpp"
#include "kernels/softmax.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels::passes {

using support::agrees;
using support::DeviceTable;
using support::in_double;
using support::Table;

inline constexpr philox::Key key{1234, 36};

template <class T>
struct Result {
  Table<T> probabilities;
  Table<std::uint8_t> mask;  ///< no elements without dropout, like `dropped`
  Table<T> dropped;
  Table<Accumulate<T>> scores;    ///< the values that the forward left there
  Table<Accumulate<T>> gradient;  ///< of the scores, for the gradient that was passed in
};

template <class T>
inline constexpr bool is_narrow = !std::is_same_v<T, Accumulate<T>>;

/// Forward on `scores` and backward on `gradient`. In place, the probabilities take the memory of
/// the scores. A narrower type cannot do this.
template <class T>
Result<T> run(Device& device, const ScoreShape& shape, const Dropout& dropout,
              const Table<Accumulate<T>>& scores, const Table<Accumulate<T>>& gradient,
              bool in_place = true) {
  const DeviceTable<Accumulate<T>> computed(scores), dscores(gradient);
  std::optional<DeviceTable<std::uint8_t>> mask;
  std::optional<DeviceTable<T>> apart, dropped;
  Matrix<T> probabilities;
  if constexpr (!is_narrow<T>) probabilities = computed.view();
  if (is_narrow<T> || !in_place) {
    apart.emplace(scores.rows, scores.columns, T(99.0F));
    probabilities = apart->view();
  }
  if (dropout.active) {
    mask.emplace(scores.rows, scores.columns, std::uint8_t{7});
    dropped.emplace(scores.rows, scores.columns, T(99.0F));
  }
  const Mask mask_view = mask ? mask->view() : Mask();
  softmax_dropout_forward<T>(device, shape, dropout, computed.view(), probabilities, mask_view,
                             dropped ? dropped->view() : Matrix<T>());
  softmax_dropout_backward<T>(device, shape, dropout, probabilities, mask_view, dscores.view());
  device.fence();
  Result<T> result;
  result.scores = computed.read();
  if constexpr (!is_narrow<T>) result.probabilities = result.scores;
  if (apart) result.probabilities = apart->read();
  if (mask) result.mask = mask->read();
  if (dropped) result.dropped = dropped->read();
  result.gradient = dscores.read();
  return result;
}

/// Whether `actual` is what the definitions give for the scores, `shape` and dropout with
/// probability p. The reference for a stored result uses the stored values from which it is
/// computed.
template <class T>
void expect_definition(const Result<T>& actual, const ScoreShape& shape, double p,
                       std::uint64_t first, const Table<Accumulate<T>>& scores,
                       const Table<Accumulate<T>>& gradient) {
  const Table<double> probabilities = in_double(actual.probabilities);
  const Table<double> factors =
      reference::dropout_factors(key, p, first, scores.rows, scores.columns);
  EXPECT_TRUE(agrees(actual.probabilities, reference::softmax(shape, scores)));
  EXPECT_TRUE(agrees(actual.gradient, reference::softmax_gradient(shape, probabilities, factors,
                                                                  in_double(gradient))));
  if (p == 0.0) return;
  EXPECT_TRUE(agrees(actual.dropped, reference::times(factors, probabilities)));
  for (std::int64_t i = 0; i < scores.rows; ++i) {
    const std::int64_t seen = reference::seen_by(shape, i, scores.columns);
    for (std::int64_t j = 0; j < scores.columns; ++j) {
      ASSERT_EQ(actual.mask(i, j), j < seen && factors(i, j) > 0.0 ? 1 : 0) << i << ", " << j;
    }
  }
}

}  // namespace tidemark::kernels::passes
