// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "kernels/attention_head.hpp"
#include "kernels/block_softmax.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using reference::as_column;
using reference::Head;
using support::agrees;
using support::DeviceTable;
using support::in_double;
using support::random_table;
using support::Table;

/// The input of the backward pass of a head, and what a forward pass would have saved.
template <class F>
struct Inputs {
  Table<F> scores;
  Table<F> values;            ///< [s, d]
  Table<F> context_gradient;  ///< [s, d]
  Table<F> gradient;          ///< of the dropped weights, [s, s]
  Table<F> log_sum_exp;       ///< [1, s]
  Table<F> projections;       ///< [1, s], of the core output and its gradient
};

template <class F>
Table<F> in_type(const Table<double>& table) {
  Table<F> result(table.rows, table.columns);
  for (std::size_t i = 0; i < table.values.size(); ++i) {
    result.values[i] = static_cast<F>(table.values[i]);
  }
  return result;
}

template <class F>
Inputs<F> make_inputs(const Head& head) {
  const std::int64_t s = head.length;
  Inputs<F> in{random_table<F>(s, s, 1, 24.0),
               random_table<F>(s, 4, 2),
               random_table<F>(s, 4, 3),
               Table<F>(),
               Table<F>(),
               Table<F>(1, s)};
  in.gradient =
      in_type<F>(reference::product(in_double(in.context_gradient), in_double(in.values), true));
  in.log_sum_exp = in_type<F>(reference::log_sum_exp(head, in.scores));
  const Table<double> weights =
      reference::times(reference::softmax(head.shape(), in.scores), head.factors());
  const Table<double> context = reference::product(weights, in_double(in.values));
  for (std::int64_t i = 0; i < s; ++i) {
    in.projections(0, i) =
        static_cast<F>(inner_product(rows_of(context, i, 1), rows_of(in.context_gradient, i, 1)));
  }
  return in;
}

template <class F>
struct Outputs {
  Table<F> weights;   ///< dropped
  Table<F> gradient;  ///< of the scores
};

/// The kernel, block by block. Blocks that no query sees are left out, and are zero.
template <class F>
Outputs<F> backward(const Head& head, std::int64_t query_block, std::int64_t key_block,
                    const Inputs<F>& in) {
  Device device;
  const std::int64_t s = head.length;
  Outputs<F> out{Table<F>(s, s), Table<F>(s, s)};
  for (std::int64_t i = 0; i < s; i += query_block) {
    const std::int64_t m = std::min(query_block, s - i);
    const DeviceTable<F> log_sum_exp(columns_of(in.log_sum_exp, i, m));
    const DeviceTable<F> projections(columns_of(in.projections, i, m));
    for (std::int64_t j = 0; j < s && !(head.causal && j > i); j += key_block) {
      const std::int64_t n = std::min(key_block, s - j);
      const DeviceTable<F> scores(reference::block_of(in.scores, i, m, j, n), 2);
      const DeviceTable<F> gradient(reference::block_of(in.gradient, i, m, j, n), 3);
      block_softmax_backward<F>(device, head.block(i, j), head.dropout(), as_column(log_sum_exp),
                                as_column(projections), scores.view(), gradient.view());
      device.fence();
      EXPECT_TRUE(scores.gap_is_untouched() && gradient.gap_is_untouched());
      reference::put_block(scores.read(), i, j, out.weights);
      reference::put_block(gradient.read(), i, j, out.gradient);
    }
  }
  return out;
}

/// The same by the kernels that hold the whole matrix.
template <class F>
Outputs<F> materialized(const Head& head, const Inputs<F>& in) {
  Device device;
  const std::int64_t s = head.length;
  const DeviceTable<F> probabilities(in.scores), dropped(s, s, 0), gradient(in.gradient);
  const DeviceTable<std::uint8_t> mask(s, s, std::uint8_t{7});
  softmax_dropout_forward<F>(device, head.shape(), head.dropout(), probabilities.view(),
                             probabilities.view(), mask.view(), dropped.view());
  softmax_dropout_backward<F>(device, head.shape(), head.dropout(), probabilities.view(),
                              mask.view(), gradient.view());
  device.fence();
  return {head.p > 0.0 ? dropped.read() : probabilities.read(), gradient.read()};
}

template <class F>
void expect_whole(const Head& head, std::int64_t query_block, std::int64_t key_block) {
  SCOPED_TRACE(in_words(head) << ", blocks " << query_block << " x " << key_block);
  const Inputs<F> in = make_inputs<F>(head);
  const Outputs<F> actual = backward(head, query_block, key_block, in);
  const Table<double> probabilities = reference::softmax(head.shape(), in.scores);
  EXPECT_TRUE(agrees(actual.weights, reference::times(head.factors(), probabilities)));
  EXPECT_TRUE(
      agrees(actual.gradient, reference::softmax_gradient(head.shape(), probabilities,
                                                          head.factors(), in_double(in.gradient))));
  const Outputs<F> whole = materialized(head, in);
  EXPECT_TRUE(agrees(actual.weights, in_double(whole.weights)));
  EXPECT_TRUE(agrees(actual.gradient, in_double(whole.gradient)));
}

template <class F>
class BlockSoftmaxBackward : public ::testing::Test {};
TYPED_TEST_SUITE(BlockSoftmaxBackward, support::FullPrecisions);

TYPED_TEST(BlockSoftmaxBackward, EqualsTheMaterializedGradient) {
  const std::pair<std::int64_t, std::int64_t> sizes[] = {
      {1, 1}, {7, 3}, {33, 8}, {32, 16}, {40, 64}};
  for (const auto& [length, block] : sizes) {
    for (const bool causal : {false, true}) {
      for (const Head& head : reference::heads_of(length, causal)) {
        expect_whole<TypeParam>(head, block, block);
      }
    }
  }
}

// The mask of so many keys is drawn in several pieces.
TYPED_TEST(BlockSoftmaxBackward, BlocksMayBeLong) {
  for (const bool causal : {false, true}) {
    expect_whole<TypeParam>({540, causal, 0.4, 1}, 530, 530);
  }
}

TYPED_TEST(BlockSoftmaxBackward, WithoutAMaskBlocksMayBeOfAnySize) {
  for (const auto& [queries, keys] : {std::pair{5, 12}, std::pair{20, 2}, std::pair{33, 1}}) {
    for (const Head& head : reference::heads_of(33, false)) {
      expect_whole<TypeParam>(head, queries, keys);
    }
  }
}

TYPED_TEST(BlockSoftmaxBackward, UnseenKeysGetZeroWhateverTheyHold) {
  using F = TypeParam;
  for (const Head& head : reference::heads_of(21, true)) {
    Inputs<F> in = make_inputs<F>(head);
    const Outputs<F> expected = backward(head, 6, 6, in);
    for (std::int64_t i = 0; i < head.length; ++i) {
      for (std::int64_t j = i + 1; j < head.length; ++j) {
        in.scores(i, j) = F(1e4);
        in.gradient(i, j) = F(1e4);
      }
    }
    const Outputs<F> actual = backward(head, 6, 6, in);
    EXPECT_EQ(actual.weights.values, expected.weights.values);
    EXPECT_EQ(actual.gradient.values, expected.gradient.values);
    for (std::int64_t i = 0; i < head.length; ++i) {
      for (std::int64_t j = i + 1; j < head.length; ++j) {
        ASSERT_EQ(actual.weights(i, j), F(0));
        ASSERT_EQ(actual.gradient(i, j), F(0));
      }
    }
  }
}

TYPED_TEST(BlockSoftmaxBackward, LargeScoresNeitherOverflowNorVanish) {
  using F = TypeParam;
  Head head{37, false};
  head.scale = 1.0;
  for (const double magnitude : {100.0, 1e4, 1e30}) {
    Inputs<F> in = make_inputs<F>(head);
    // One key per row has all the weight, 1. All gradients are 0, because the projection is that of
    // this key.
    std::fill(in.scores.values.begin(), in.scores.values.end(), static_cast<F>(-magnitude));
    for (std::int64_t i = 0; i < head.length; ++i) {
      const std::int64_t winner = (7 * i) % head.length;
      in.scores(i, winner) = static_cast<F>(magnitude);
      in.log_sum_exp(0, i) = static_cast<F>(magnitude);
      in.projections(0, i) = in.gradient(i, winner);
    }
    const Outputs<F> actual = backward(head, 10, 10, in);
    for (std::int64_t i = 0; i < head.length; ++i) {
      for (std::int64_t j = 0; j < head.length; ++j) {
        const double expected = j == (7 * i) % head.length ? 1.0 : 0.0;
        ASSERT_NEAR(static_cast<double>(actual.weights(i, j)), expected, 1e-30) << magnitude;
        ASSERT_NEAR(static_cast<double>(actual.gradient(i, j)), 0.0, 1e-30) << magnitude;
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::kernels
