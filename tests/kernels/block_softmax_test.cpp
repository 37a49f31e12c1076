// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/block_softmax.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <gtest/gtest.h>

#include "kernels/attention_head.hpp"
#include "kernels/gemm.hpp"
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

struct Blocks {
  std::int64_t queries, keys;
};

template <class T>
struct Attended {
  Table<T> context;                  ///< [s, d]
  Table<Accumulate<T>> log_sum_exp;  ///< [1, s]
  Table<Accumulate<T>> weights;      ///< [s, s], for the forward's own blocks
};

/// The forward pass, in the order in which attention takes the blocks.
template <class T>
Attended<T> attend(const Head& head, const Blocks& blocks, const Table<Accumulate<T>>& scores,
                   const Table<Accumulate<T>>& values) {
  using F = Accumulate<T>;
  Device device;
  const std::int64_t s = head.length, d = values.columns;
  Attended<T> result{Table<T>(s, d), Table<F>(1, s), Table<F>(s, s)};
  for (std::int64_t i = 0; i < s; i += blocks.queries) {
    const std::int64_t m = std::min(blocks.queries, s - i);
    const F nan = support::not_a_number<F>();
    const DeviceTable<F> statistics(m, 2, nan), sums(m, d, nan, 3), log_sum_exp(1, m, nan);
    const DeviceTable<T> context(m, d, T(99.0F), 5);
    begin_online_softmax<F>(device, statistics.view(), sums.view());
    for (std::int64_t j = 0; j < s && !(head.causal && j > i); j += blocks.keys) {
      const std::int64_t n = std::min(blocks.keys, s - j);
      const DeviceTable<F> block(reference::block_of(scores, i, m, j, n), 2);
      online_softmax<F>(device, head.block(i, j), head.dropout(), block.view(), statistics.view(),
                        sums.view());
      gemm(device, Op::none, Op::none, F(1), block.view(),
           DeviceTable<F>(rows_of(values, j, n)).view(), F(1), sums.view());
      device.fence();
      EXPECT_TRUE(block.gap_is_untouched());
      reference::put_block(block.read(), i, j, result.weights);
    }
    end_online_softmax<T>(device, head.block(i, 0), statistics.view(), sums.view(), context.view(),
                          as_column(log_sum_exp));
    device.fence();
    EXPECT_TRUE(sums.gap_is_untouched() && context.gap_is_untouched());
    reference::put_block(context.read(), i, 0, result.context);
    reference::put_block(log_sum_exp.read(), 0, i, result.log_sum_exp);
  }
  return result;
}

/// Whether blocks give the same as the softmax over whole rows.
template <class T>
void expect_whole(const Head& head, const Blocks& blocks, const Table<Accumulate<T>>& scores) {
  using F = Accumulate<T>;
  SCOPED_TRACE(in_words(head) << ", blocks " << blocks.queries << " x " << blocks.keys);
  const auto values = random_table<F>(head.length, 3, 2);
  const Attended<T> actual = attend<T>(head, blocks, scores, values);
  const Table<double> probabilities = reference::softmax(head.shape(), scores);
  const Table<double> weights = reference::times(head.factors(), probabilities);
  EXPECT_TRUE(agrees(actual.context, reference::product(weights, in_double(values))));
  EXPECT_TRUE(agrees(actual.log_sum_exp, reference::log_sum_exp(head, scores)));
}

template <class T>
class BlockSoftmax : public ::testing::Test {};
TYPED_TEST_SUITE(BlockSoftmax, support::Precisions);

// Under the causal mask, blocks of queries and keys are of one size. The last ones are shorter.
TYPED_TEST(BlockSoftmax, EqualsTheSoftmaxOverWholeRows) {
  using F = Accumulate<TypeParam>;
  const std::pair<std::int64_t, std::int64_t> sizes[] = {
      {1, 1}, {7, 3}, {33, 8}, {32, 16}, {40, 64}};
  for (const auto& [length, block] : sizes) {
    const auto scores = random_table<F>(length, length, 1, 24.0);
    for (const bool causal : {false, true}) {
      for (const Head& head : reference::heads_of(length, causal)) {
        expect_whole<TypeParam>(head, {block, block}, scores);
      }
    }
  }
}

TYPED_TEST(BlockSoftmax, WithoutAMaskBlocksMayBeOfAnySize) {
  using F = Accumulate<TypeParam>;
  for (const Blocks& blocks : {Blocks{5, 12}, Blocks{20, 2}, Blocks{1, 33}, Blocks{33, 1}}) {
    for (const Head& head : reference::heads_of(33, false)) {
      expect_whole<TypeParam>(head, blocks, random_table<F>(33, 33, 1, 24.0));
    }
  }
}

// The mask of so many keys is drawn in several pieces.
TYPED_TEST(BlockSoftmax, BlocksMayBeLong) {
  using F = Accumulate<TypeParam>;
  const auto scores = random_table<F>(540, 540, 1, 24.0);
  for (const bool causal : {false, true}) {
    expect_whole<TypeParam>({540, causal, 0.4, 1}, {530, 530}, scores);
  }
}

// With each block, either the earlier sums or the later ones have less and less weight.
TYPED_TEST(BlockSoftmax, SumsFollowTheHighestScore) {
  using F = Accumulate<TypeParam>;
  const std::int64_t length = 40;
  for (const double step : {2.0, -2.0, 300.0, -300.0}) {
    auto scores = random_table<F>(length, length, 3, 8.0);
    for (std::int64_t i = 0; i < length; ++i) {
      for (std::int64_t j = 0; j < length; ++j) {
        scores(i, j) += static_cast<F>(step * static_cast<double>(j / 8));
      }
    }
    for (const bool causal : {false, true}) {
      for (const Head& head : reference::heads_of(length, causal)) {
        expect_whole<TypeParam>(head, {8, 8}, scores);
      }
    }
  }
}

// The largest score is in the first, a middle or the last block.
TYPED_TEST(BlockSoftmax, LargeScoresNeitherOverflowNorVanish) {
  using F = Accumulate<TypeParam>;
  const std::int64_t length = 37;
  const auto values = random_table<F>(length, 2, 4);
  for (const double magnitude : {100.0, 1e4, 1e30}) {
    Table<F> scores(length, length, static_cast<F>(-magnitude));
    for (std::int64_t i = 0; i < length; ++i) {
      scores(i, (7 * i) % length) = static_cast<F>(magnitude);
    }
    const auto actual = attend<TypeParam>({length, false, 0.0, 0, 1.0}, {10, 10}, scores, values);
    for (std::int64_t i = 0; i < length; ++i) {
      EXPECT_NEAR(actual.log_sum_exp(0, i) / magnitude, 1.0, 1e-6);
      for (std::int64_t c = 0; c < 2; ++c) {
        const auto winner = static_cast<double>(values((7 * i) % length, c));
        ASSERT_NEAR(static_cast<double>(actual.context(i, c)), winner,
                    1e-6 + support::rounding_error<TypeParam>(winner));
      }
    }
  }
}

TYPED_TEST(BlockSoftmax, EqualScoresOfAnySizeGetEqualShares) {
  using F = Accumulate<TypeParam>;
  const std::int64_t length = 19;
  Table<F> values(length, 1);
  for (std::int64_t j = 0; j < length; ++j) values(j, 0) = static_cast<F>(j);
  for (const double score : {-1e30, -1e4, 0.0, 1e4, 1e30}) {
    const Table<F> scores(length, length, static_cast<F>(score));
    const auto actual = attend<TypeParam>({length, true, 0.0, 0, 0.125}, {4, 4}, scores, values);
    for (std::int64_t i = 0; i < length; ++i) {
      const double mean = 0.5 * static_cast<double>(i);
      ASSERT_NEAR(static_cast<double>(actual.context(i, 0)), mean,
                  1e-5 + support::rounding_error<TypeParam>(mean));
      const double expected = 0.125 * score + std::log(static_cast<double>(i + 1));
      ASSERT_NEAR(static_cast<double>(actual.log_sum_exp(0, i)), expected,
                  1e-6 * std::max(1.0, std::abs(expected)));
    }
  }
}

TYPED_TEST(BlockSoftmax, UnseenKeysGetZeroWhateverTheirScores) {
  using F = Accumulate<TypeParam>;
  const std::int64_t length = 21;
  auto scores = random_table<F>(length, length, 3);
  auto hidden = scores;
  for (std::int64_t i = 0; i < length; ++i) {
    for (std::int64_t j = i + 1; j < length; ++j) hidden(i, j) = F(1e4);
  }
  const auto values = random_table<F>(length, 2, 4);
  for (const Head& head : reference::heads_of(length, true)) {
    const auto expected = attend<TypeParam>(head, {6, 6}, scores, values);
    const auto actual = attend<TypeParam>(head, {6, 6}, hidden, values);
    EXPECT_EQ(actual.context.values, expected.context.values);
    EXPECT_EQ(actual.log_sum_exp.values, expected.log_sum_exp.values);
    for (std::int64_t i = 0; i < length; ++i) {
      for (std::int64_t j = i + 1; j < length; ++j) ASSERT_EQ(actual.weights(i, j), F(0));
    }
  }
}

// The materialized softmax stores its mask; blocks draw it from the same global elements.
TYPED_TEST(BlockSoftmax, DropsWhatTheMaterializedSoftmaxDrops) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const std::int64_t length = 61;
  const Table<F> scores(length, length);
  for (const bool causal : {false, true}) {
    for (const Head& head : reference::heads_of(length, causal)) {
      if (head.p == 0.0) continue;
      Device device;
      const DeviceTable<F> whole(scores);
      const DeviceTable<T> probabilities(length, length, T(0.0F)), dropped(length, length, T(0.0F));
      const DeviceTable<std::uint8_t> mask(length, length, std::uint8_t{7});
      softmax_dropout_forward<T>(device, head.shape(), head.dropout(), whole.view(),
                                 probabilities.view(), mask.view(), dropped.view());
      device.fence();
      const auto actual = attend<T>(head, {13, 13}, scores, Table<F>(length, 1));
      const Table<std::uint8_t> kept = mask.read();
      for (std::size_t i = 0; i < kept.values.size(); ++i) {
        ASSERT_EQ(actual.weights.values[i] != F(0), kept.values[i] == 1) << in_words(head);
      }
    }
  }
}

// Two heads in one batch. In the global tensor, their scores have other places.
TYPED_TEST(BlockSoftmax, ABatchIsItsMembersOneByOne) {
  using T = TypeParam;
  using F = Accumulate<T>;
  Device device;
  constexpr std::int64_t m = 7, n = 5, d = 3, count = 2, distance = 1001;
  const auto scores = random_table<F>(count * m, n, 1, 4.0);
  const auto gradient = random_table<F>(count * m, n, 2);
  const auto values = random_table<F>(count * m, d, 3);
  const Dropout dropout = make_dropout(0.4, Head::key, 5);
  struct Tables {
    DeviceTable<F> scores, gradient, statistics, sums, log_sum_exp, projections;
    DeviceTable<T> context;
  };
  const auto go = [&](std::int64_t first, std::int64_t members) {
    const std::int64_t all = members * m;
    const ScoreBlock block{4, 2, 61, 0.25, true, distance};
    const Tables t{DeviceTable<F>(rows_of(scores, first * m, all)),
                   DeviceTable<F>(rows_of(gradient, first * m, all)),
                   DeviceTable<F>(all, 2, F(99)),
                   DeviceTable<F>(rows_of(values, first * m, all)),
                   DeviceTable<F>(all, 1, F(99)),
                   DeviceTable<F>(all, 1, F(99)),
                   DeviceTable<T>(all, d, T(99.0F))};
    const auto batch = [&](const auto& table) {
      const auto view = table.view();
      return batch_in(view.data(), members, m, num_columns(view));
    };
    const Dropout of_first = from_element(dropout, first * distance);
    const DeviceTable<F> again(rows_of(scores, first * m, all));
    begin_online_softmax<F>(device, batch(t.statistics), batch(t.sums));
    online_softmax<F>(device, block, of_first, batch(t.scores), batch(t.statistics), batch(t.sums));
    Kokkos::deep_copy(t.sums.view(), DeviceTable<F>(rows_of(values, first * m, all)).view());
    end_online_softmax<T>(device, block, batch(t.statistics), batch(t.sums), batch(t.context),
                          batch(t.log_sum_exp));
    row_products<T>(device, batch(t.context), batch(t.context), batch(t.projections));
    block_softmax_backward<F>(device, block, of_first, batch(t.log_sum_exp), batch(t.projections),
                              batch(again), batch(t.gradient));
    device.fence();
    std::vector<Table<double>> results;
    for (const auto* table :
         {&t.scores, &t.statistics, &t.log_sum_exp, &t.projections, &again, &t.gradient}) {
      results.push_back(in_double(table->read()));
    }
    results.push_back(in_double(t.context.read()));
    return results;
  };
  const auto together = go(0, count);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto alone = go(i, 1);
    for (std::size_t j = 0; j < alone.size(); ++j) {
      EXPECT_EQ(rows_of(together[j], i * m, m).values, alone[j].values) << "table " << j;
    }
  }
}

TYPED_TEST(BlockSoftmax, RowProductsEqualTheNaiveLoop) {
  using T = TypeParam;
  Device device;
  for (const std::int64_t width : support::odd_widths) {
    const auto x = random_table<T>(5, width, 1), y = random_table<T>(5, width, 2);
    Table<double> expected(1, 5);
    for (std::int64_t i = 0; i < 5; ++i) {
      expected(0, i) = inner_product(rows_of(x, i, 1), rows_of(y, i, 1));
    }
    const DeviceTable<Accumulate<T>> actual(1, 5, 99);
    row_products<T>(device, DeviceTable<T>(x, 3).view(), DeviceTable<T>(y, 1).view(),
                    as_column(actual));
    device.fence();
    EXPECT_TRUE(agrees(actual.read(), expected)) << width;
  }
}

}  // namespace
}  // namespace tidemark::kernels
