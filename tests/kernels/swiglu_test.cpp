// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/swiglu.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::DeviceTable;
using support::inner_product;
using support::moved;
using support::random_table;
using support::Table;

double logistic(double u) { return 1.0 / (1.0 + std::exp(-u)); }

template <class T>
class SwigluKernels : public ::testing::Test {
 protected:
  Table<T> forward(const Table<T>& u, std::int64_t gap = 0) {
    const DeviceTable<T> y(u.rows, u.columns / 2, T(99.0F), gap);
    swiglu_forward(device_, DeviceTable<T>(u, gap).view(), y.view());
    device_.fence();
    EXPECT_TRUE(y.gap_is_untouched());
    return y.read();
  }
  Table<T> backward(const Table<T>& u, const Table<T>& dy, std::int64_t gap = 0) {
    const DeviceTable<T> gradient(u, gap);
    swiglu_backward(device_, DeviceTable<T>(dy, gap).view(), gradient.view());
    device_.fence();
    EXPECT_TRUE(gradient.gap_is_untouched());
    return gradient.read();
  }
  Device device_;
};
TYPED_TEST_SUITE(SwigluKernels, support::Precisions);

// If the gate is NaN, so is the result, even if fast-math changes comparisons.
TYPED_TEST(SwigluKernels, LetNothingThatIsNotFiniteDisappear) {
  constexpr std::int64_t width = 19;  // vector code and the rest after it
  Table<TypeParam> u(1, 2 * width);
  for (std::int64_t j = 0; j < 2 * width; ++j) u(0, j) = TypeParam(1.0F);
  const auto nan = TypeParam(std::numeric_limits<float>::quiet_NaN());
  for (const std::int64_t j : {std::int64_t{3}, width - 1}) u(0, j) = nan;
  Table<TypeParam> dy(1, width);
  for (std::int64_t j = 0; j < width; ++j) dy(0, j) = TypeParam(1.0F);
  const auto is_nan = [](const auto& table, std::int64_t j) {
    return std::isnan(static_cast<double>(table(0, j)));
  };
  const auto y = this->forward(u);
  const auto gradient = this->backward(u, dy);
  for (std::int64_t j = 0; j < width; ++j) {
    const bool expected = j == 3 || j == width - 1;
    EXPECT_EQ(is_nan(y, j), expected) << j;
    EXPECT_EQ(is_nan(gradient, j), expected) << j;
    EXPECT_EQ(is_nan(gradient, width + j), expected) << j;
  }
}

TYPED_TEST(SwigluKernels, ForwardAndBackwardEqualTheNaiveLoops) {
  using T = TypeParam;
  for (const std::int64_t width : support::odd_widths) {
    for (const std::int64_t rows : {1, 6}) {
      SCOPED_TRACE(::testing::Message() << rows << " x " << width);
      const auto u = random_table<T>(rows, 2 * width, 1, 10.0);
      const auto dy = random_table<T>(rows, width, 3);
      Table<double> y(rows, width), du(rows, 2 * width);
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < width; ++j) {
          const auto gate = static_cast<double>(u(i, j));
          const auto up = static_cast<double>(u(i, width + j));
          const auto d = static_cast<double>(dy(i, j));
          const double l = logistic(gate);
          y(i, j) = gate * l * up;
          du(i, j) = d * up * (l + gate * l * (1.0 - l));
          du(i, width + j) = d * gate * l;
        }
      }
      EXPECT_TRUE(agrees(this->forward(u, 3), y));
      EXPECT_TRUE(agrees(this->backward(u, dy, 3), du));
    }
  }
}

// The exponential exceeds the range of the type on both sides, and the file is built with
// fast-math.
TYPED_TEST(SwigluKernels, FarFromZeroTheGateIsOpenOrShut) {
  using T = TypeParam;
  const std::int64_t width = 67;  // vector code and the rest after it
  for (const double gate : {30.0, 100.0, 1e3, 1e6, 1e9}) {
    for (const double sign : {1.0, -1.0}) {
      Table<T> u(1, 2 * width, T(2.0));
      for (std::int64_t j = 0; j < width; ++j) u(0, j) = static_cast<T>(sign * gate);
      const Table<T> y = this->forward(u);
      const Table<T> du = this->backward(u, Table<T>(1, width, T(1.0)));
      for (std::int64_t j = 0; j < width; ++j) {
        const double open = sign > 0 ? static_cast<double>(u(0, j)) : 0.0;
        ASSERT_NEAR(static_cast<double>(y(0, j)), 2.0 * open, 1e-6 * open + 1e-10) << sign * gate;
        ASSERT_NEAR(static_cast<double>(du(0, j)), sign > 0 ? 2.0 : 0.0, 1e-6) << sign * gate;
        ASSERT_NEAR(static_cast<double>(du(0, width + j)), open, 1e-6 * open + 1e-10)
            << sign * gate;
      }
    }
  }
}

using SwigluGradient = SwigluKernels<double>;

TEST_F(SwigluGradient, AgreesWithFiniteDifferences) {
  const std::int64_t rows = 3, width = 33;
  const auto u = random_table<double>(rows, 2 * width, 1, 6.0);
  const auto dy = random_table<double>(rows, width, 3);
  const auto v = random_table<double>(rows, 2 * width, 4);
  const double step = 1e-5;
  const auto along = [&](double e) { return inner_product(forward(moved(u, e, v)), dy); };
  EXPECT_NEAR((along(step) - along(-step)) / (2 * step), inner_product(backward(u, dy), v), 1e-8);
}

}  // namespace
}  // namespace tidemark::kernels
