// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/embedding.hpp"

#include <set>

#include <gtest/gtest.h>

#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::DeviceTable;
using support::random_table;
using support::Table;

constexpr philox::Key key{1234, 2};

template <class T>
Table<T> looked_up(const Tokens& tokens, std::int64_t rows, std::int64_t first_id,
                   const Table<T>& table) {
  Device device;
  const DeviceTable<T> y(rows, table.columns, T(99.0F), 3);
  embedding_forward(device, tokens, first_id, DeviceTable<T>(table, 1).view(), y.view());
  device.fence();
  EXPECT_TRUE(y.gap_is_untouched());
  return y.read();
}

template <class T>
Table<Accumulate<T>> with_gradient(const Tokens& tokens, std::int64_t first_id, const Table<T>& dy,
                                   const Table<Accumulate<T>>& start) {
  Device device;
  const DeviceTable<Accumulate<T>> gradient(start, 2);
  embedding_backward(device, tokens, first_id, DeviceTable<T>(dy, 5).view(), gradient.view());
  device.fence();
  EXPECT_TRUE(gradient.gap_is_untouched());
  return gradient.read();
}

template <class T>
class EmbeddingKernels : public ::testing::Test {};
TYPED_TEST_SUITE(EmbeddingKernels, support::Precisions);

TYPED_TEST(EmbeddingKernels, ForwardCopiesTheRowOfEachToken) {
  using T = TypeParam;
  const Tokens tokens{key, 11, 2};
  for (const std::int64_t width : support::odd_widths) {
    const auto table = random_table<T>(11, width, 1);
    const Table<T> y = looked_up(tokens, 30, 0, table);
    for (std::int64_t i = 0; i < y.rows; ++i) {
      for (std::int64_t j = 0; j < width; ++j) ASSERT_EQ(y(i, j), table(tokens.input(i), j));
    }
  }
}

// Rows of a shard. The last shard ends with padding. Each token is found in one shard, and is
// exactly 0 in the others.
TYPED_TEST(EmbeddingKernels, ShardsHoldTheTokensOfTheirIdsAlone) {
  using T = TypeParam;
  const Tokens tokens{key, 11, 1};
  const std::int64_t rows = 50, width = 7;
  const auto table = random_table<T>(12, width, 1);
  for (const std::int64_t ids : {3, 4, 6}) {
    for (std::int64_t first = 0; first < 12; first += ids) {
      const Table<T> y = looked_up(tokens, rows, first, rows_of(table, first, ids));
      for (std::int64_t i = 0; i < rows; ++i) {
        const std::int64_t id = tokens.input(i);
        const bool own = id >= first && id < first + ids;
        for (std::int64_t j = 0; j < width; ++j) {
          ASSERT_EQ(y(i, j), own ? table(id, j) : T(0.0)) << "row " << i << ", id " << id;
        }
      }
    }
  }
}

// Sixty tokens have five ids. The order of the terms is fixed, so that sums agree to the bit. They
// are added to what the output projection has left.
TYPED_TEST(EmbeddingKernels, BackwardAddsTokenByToken) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const Tokens tokens{key, 5, 3};
  for (const std::int64_t width : support::odd_widths) {
    const auto dy = random_table<T>(60, width, 2);
    auto expected = random_table<F>(6, width, 3);
    const Table<F> actual = with_gradient(tokens, 0, dy, expected);
    std::set<std::int64_t> ids;
    for (std::int64_t i = 0; i < dy.rows; ++i) {
      const std::int64_t id = tokens.input(i);
      ids.insert(id);
      for (std::int64_t j = 0; j < width; ++j) expected(id, j) += F(dy(i, j));
    }
    EXPECT_EQ(ids.size(), 5U);
    EXPECT_EQ(actual.values, expected.values) << width;
  }
}

TYPED_TEST(EmbeddingKernels, BackwardLeavesOtherShardsTokensAside) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const Tokens tokens{key, 11, 1};
  const std::int64_t width = 6;
  const auto dy = random_table<T>(40, width, 2);
  const auto start = random_table<F>(12, width, 3);
  const Table<F> whole = with_gradient(tokens, 0, dy, start);
  for (const std::int64_t ids : {3, 4, 6}) {
    for (std::int64_t first = 0; first < 12; first += ids) {
      const Table<F> part = with_gradient(tokens, first, dy, rows_of(start, first, ids));
      EXPECT_EQ(part.values, rows_of(whole, first, ids).values) << first << ", " << ids;
    }
  }
}

// In bfloat16 a sum of ones ends at 256.
TYPED_TEST(EmbeddingKernels, ManyTokensOfOneIdAreSummedInFullPrecision) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const Table<F> sums =
      with_gradient({key, 1, 1}, 0, Table<T>(3001, 5, T(1.0)), Table<F>(2, 5, F(0.5)));
  for (std::int64_t j = 0; j < 5; ++j) {
    EXPECT_EQ(sums(0, j), F(3001.5));
    EXPECT_EQ(sums(1, j), F(0.5));  // padding
  }
}

}  // namespace
}  // namespace tidemark::kernels
