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
class BiasKernels : public ::testing::Test {
 protected:
  Device device_;
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(BiasKernels, Reals);

TYPED_TEST(BiasKernels, ForwardOverwritesEveryRowWithTheBias) {
  using T = TypeParam;
  for (const std::int64_t width : support::odd_widths) {
    const auto bias = random_table<T>(1, width, 1);
    const DeviceTable<T> y(3, width, T(99), 5);
    bias_forward(this->device_, DeviceTable<T>(bias).vector(), y.view());
    this->device_.fence();
    const Table<T> actual = y.read();
    for (std::int64_t i = 0; i < 3; ++i) {
      for (std::int64_t j = 0; j < width; ++j) ASSERT_EQ(actual(i, j), bias(0, j));
    }
    EXPECT_TRUE(y.gap_is_untouched());
  }
}

// Widths of 1, 2 and 3 strips of columns; rows that no number of threads divides.
TYPED_TEST(BiasKernels, BackwardSumsTheColumns) {
  using T = TypeParam;
  for (const std::int64_t width : support::odd_widths) {
    for (const std::int64_t rows : {1, 5, 67}) {
      const auto dy = random_table<T>(rows, width, 2);
      Table<double> expected(1, width);
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < width; ++j) expected(0, j) += static_cast<double>(dy(i, j));
      }
      const DeviceTable<T> sums(1, width, T(99));
      bias_backward(this->device_, DeviceTable<T>(dy, 3).view(), sums.vector());
      this->device_.fence();
      EXPECT_TRUE(agrees(sums.read(), expected)) << rows << " x " << width;
    }
  }
}

TYPED_TEST(BiasKernels, NoRowsSumToZero) {
  using T = TypeParam;
  const DeviceTable<T> sums(1, 600, T(99));
  bias_backward(this->device_, DeviceTable<T>(Table<T>(0, 600)).view(), sums.vector());
  this->device_.fence();
  EXPECT_TRUE(agrees(sums.read(), Table<double>(1, 600)));
}

}  // namespace
}  // namespace tidemark::kernels
