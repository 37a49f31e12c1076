// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/bias.hpp"

#include <gtest/gtest.h>

#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::DeviceTable;
using support::random_table;
using support::Table;

template <class T>
class BiasForward : public ::testing::Test {
 protected:
  Device device_;
};
TYPED_TEST_SUITE(BiasForward, support::FullPrecisions);

template <class T>
class BiasBackward : public ::testing::Test {
 protected:
  Device device_;
};
TYPED_TEST_SUITE(BiasBackward, support::Precisions);

TYPED_TEST(BiasForward, OverwritesEveryRowWithTheBias) {
  using T = TypeParam;
  for (const std::int64_t width : support::odd_widths) {
    const auto bias = random_table<T>(1, width, 1);
    const DeviceTable<T> y(3, width, T(99.0F), 5);
    bias_forward(this->device_, DeviceTable<T>(bias).vector(), y.view());
    this->device_.fence();
    const Table<T> actual = y.read();
    for (std::int64_t i = 0; i < 3; ++i) {
      for (std::int64_t j = 0; j < width; ++j) ASSERT_EQ(actual(i, j), bias(0, j));
    }
    EXPECT_TRUE(y.gap_is_untouched());
  }
}

// Widths of 1, 2 and 3 strips of columns, and numbers of rows that no number of threads divides.
TYPED_TEST(BiasBackward, SumsTheColumns) {
  using T = TypeParam;
  for (const std::int64_t width : support::odd_widths) {
    for (const std::int64_t rows : {1, 5, 67}) {
      const auto dy = random_table<T>(rows, width, 2);
      Table<double> expected(1, width);
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < width; ++j) expected(0, j) += static_cast<double>(dy(i, j));
      }
      const DeviceTable<Accumulate<T>> sums(1, width, 99);
      bias_backward(this->device_, DeviceTable<T>(dy, 3).view(), sums.vector());
      this->device_.fence();
      EXPECT_TRUE(agrees(sums.read(), expected)) << rows << " x " << width;
    }
  }
}

TYPED_TEST(BiasBackward, NoRowsSumToZero) {
  using T = TypeParam;
  const DeviceTable<Accumulate<T>> sums(1, 600, 99);
  bias_backward(this->device_, DeviceTable<T>(Table<T>(0, 600)).view(), sums.vector());
  this->device_.fence();
  EXPECT_TRUE(agrees(sums.read(), Table<double>(1, 600)));
}

// In bfloat16 a sum of ones ends at 256.
TYPED_TEST(BiasBackward, ManyTermsAreSummedInFullPrecision) {
  using T = TypeParam;
  const std::int64_t rows = 3001, width = 5;
  const DeviceTable<Accumulate<T>> sums(1, width, 99);
  bias_backward(this->device_, DeviceTable<T>(Table<T>(rows, width, T(1.0))).view(), sums.vector());
  this->device_.fence();
  for (const Accumulate<T> sum : sums.read().values) EXPECT_EQ(sum, 3001);
}

}  // namespace
}  // namespace tidemark::kernels
