// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/fill.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::DeviceTable;
using support::Table;

constexpr philox::Key key{7, 42};

template <class T>
Table<T> filled(std::int64_t rows, std::int64_t columns, const GlobalPlace& place, double centre,
                double width, std::int64_t gap = 0) {
  Device device;
  const DeviceTable<T> matrix(rows, columns, T(99.0F), gap);
  fill_uniform(device, matrix.view(), key, place, centre, width);
  device.fence();
  EXPECT_TRUE(matrix.gap_is_untouched());
  return matrix.read();
}

template <class T>
class FillKernel : public ::testing::Test {};
TYPED_TEST_SUITE(FillKernel, support::Precisions);

TYPED_TEST(FillKernel, EveryElementIsThatOfItsGlobalIndex) {
  using T = TypeParam;
  for (const std::int64_t columns : {1, 3, 4, 7, 33}) {
    for (const std::int64_t first_column : {0, 1, 6}) {
      const GlobalPlace place{3, first_column, 45};
      const Table<T> actual = filled<T>(5, columns, place, 1.5, 0.2, 2);
      for (std::int64_t i = 0; i < 5; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) {
          const auto element = static_cast<std::uint64_t>((3 + i) * 45 + first_column + j);
          const double u = philox::centred_uniform(philox::word_of_element(key, element));
          const double expected = 1.5 + 0.2 * u;
          ASSERT_NEAR(static_cast<double>(actual(i, j)), expected,
                      (sizeof(T) == 8 ? 1e-15 : 1e-7) + support::rounding_error<T>(expected));
        }
      }
    }
  }
}

// Equality to the bit, because values must not depend on how a tensor is sharded.
TYPED_TEST(FillKernel, ShardsHoldTheBitsOfTheWhole) {
  using T = TypeParam;
  const std::int64_t rows = 8, columns = 36;
  const Table<T> whole = filled<T>(rows, columns, {0, 0, columns}, 0.0, 3.46);
  for (const std::int64_t shards : {2, 4}) {
    for (std::int64_t rank = 0; rank < shards; ++rank) {
      const std::int64_t height = rows / shards, width = columns / shards;
      EXPECT_EQ(filled<T>(height, columns, {rank * height, 0, columns}, 0.0, 3.46).values,
                rows_of(whole, rank * height, height).values);
      EXPECT_EQ(filled<T>(rows, width, {0, rank * width, columns}, 0.0, 3.46).values,
                columns_of(whole, rank * width, width).values);
    }
  }
}

TYPED_TEST(FillKernel, WidthZeroIsAConstant) {
  for (const TypeParam value : filled<TypeParam>(2, 9, {0, 0, 9}, 0.25, 0.0).values) {
    EXPECT_EQ(value, TypeParam(0.25));
  }
}

// The float nearest to this number lies half way between two bfloat16.
TEST(FillBf16, ValuesAreRoundedOnceFromDouble) {
  const double above_tie = 1.0 + std::ldexp(1.0, -8) + std::ldexp(1.0, -40);
  for (const bfloat16 value : filled<bfloat16>(2, 37, {0, 0, 37}, above_tie, 0.0).values) {
    EXPECT_EQ(value, 1.0F + std::ldexp(1.0F, -7));
  }
}

// Memory from the pool holds the values of an earlier tensor. Even NaN must be overwritten.
TYPED_TEST(FillKernel, ZeroOverwritesWhateverThereWas) {
  using T = TypeParam;
  Device device;
  for (const std::int64_t width : support::odd_widths) {
    const DeviceTable<T> matrix(3, width, support::not_a_number<T>(), 2);
    fill_zero(device, matrix.view());
    device.fence();
    for (const T value : matrix.read().values) {
      ASSERT_EQ(value, T(0.0));
      ASSERT_FALSE(std::signbit(static_cast<double>(value)));
    }
    EXPECT_TRUE(matrix.gap_is_untouched());
  }
}

}  // namespace
}  // namespace tidemark::kernels
