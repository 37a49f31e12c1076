// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/gelu.hpp"

#include <cmath>

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

const double root_two_over_pi = std::sqrt(2.0 / 3.14159265358979323846);

/// The published form, with tanh.
double naive_gelu(double u) {
  return 0.5 * u * (1.0 + std::tanh(root_two_over_pi * (u + 0.044715 * u * u * u)));
}

double naive_derivative(double u) {
  const double tanh = std::tanh(root_two_over_pi * (u + 0.044715 * u * u * u));
  const double inner = root_two_over_pi * (1.0 + 3.0 * 0.044715 * u * u);
  return 0.5 * (1.0 + tanh) + 0.5 * u * (1.0 - tanh * tanh) * inner;
}

template <class T>
class GeluKernels : public ::testing::Test {
 protected:
  Table<T> forward(const Table<T>& u, const Table<T>& bias, std::int64_t gap = 0) {
    const DeviceTable<T> y(u.rows, u.columns, T(99.0F), gap);
    bias_gelu_forward(device_, DeviceTable<T>(u, gap).view(), DeviceTable<T>(bias).vector(),
                      y.view());
    device_.fence();
    EXPECT_TRUE(y.gap_is_untouched());
    return y.read();
  }
  struct Gradients {
    Table<T> du;
    Table<Accumulate<T>> bias;
  };
  Gradients backward(const Table<T>& u, const Table<T>& bias, const Table<T>& dy,
                     std::int64_t gap = 0) {
    const DeviceTable<T> gradient(dy, gap);
    const DeviceTable<Accumulate<T>> sums(1, u.columns, 99);
    bias_gelu_backward(device_, DeviceTable<T>(u, gap).view(), DeviceTable<T>(bias).vector(),
                       gradient.view(), sums.vector());
    device_.fence();
    EXPECT_TRUE(gradient.gap_is_untouched());
    return {gradient.read(), sums.read()};
  }
  Device device_;
};
TYPED_TEST_SUITE(GeluKernels, support::Precisions);

TYPED_TEST(GeluKernels, ForwardAndBackwardEqualTheNaiveLoops) {
  using T = TypeParam;
  for (const std::int64_t width : support::odd_widths) {
    for (const std::int64_t rows : {1, 6}) {
      SCOPED_TRACE(::testing::Message() << rows << " x " << width);
      const auto u = random_table<T>(rows, width, 1, 10.0);
      const auto bias = random_table<T>(1, width, 2);
      const auto dy = random_table<T>(rows, width, 3);
      Table<double> y(rows, width), du(rows, width), sums(1, width);
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < width; ++j) {
          const double shifted = static_cast<double>(u(i, j)) + static_cast<double>(bias(0, j));
          y(i, j) = naive_gelu(shifted);
          du(i, j) = static_cast<double>(dy(i, j)) * naive_derivative(shifted);
          sums(0, j) += du(i, j);
        }
      }
      EXPECT_TRUE(agrees(this->forward(u, bias, 3), y));
      const auto gradients = this->backward(u, bias, dy, 3);
      EXPECT_TRUE(agrees(gradients.du, du));
      EXPECT_TRUE(agrees(gradients.bias, sums));
    }
  }
}

// The exponential exceeds the range of the type on both sides, and the file is built with
// fast-math.
TYPED_TEST(GeluKernels, FarFromZeroItIsTheIdentityOrZero) {
  using T = TypeParam;
  const std::int64_t width = 67;  // vector code and the rest after it
  for (const double u : {15.0, 30.0, 50.0, 100.0, 1e4, 1e6, 1e9}) {
    for (const double sign : {1.0, -1.0}) {
      const Table<T> input(1, width, static_cast<T>(sign * u));
      const Table<T> y = this->forward(input, Table<T>(1, width));
      const auto gradients = this->backward(input, Table<T>(1, width), Table<T>(1, width, T(1.0)));
      for (std::int64_t j = 0; j < width; ++j) {
        const double limit = sign > 0 ? static_cast<double>(input(0, j)) : 0.0;
        ASSERT_NEAR(static_cast<double>(y(0, j)), limit, 1e-7 * limit + 1e-30 * u) << sign * u;
        const double slope = sign > 0 ? 1.0 : 0.0;
        ASSERT_NEAR(static_cast<double>(gradients.du(0, j)), slope, 1e-7) << sign * u;
        ASSERT_NEAR(static_cast<double>(gradients.bias(0, j)), slope, 1e-7) << sign * u;
      }
    }
  }
}

TYPED_TEST(GeluKernels, AtZeroItIsZeroWithSlopeOneHalf) {
  using T = TypeParam;
  for (const T u : {T(0.0), T(-0.0), T(1e-30), T(-1e-30)}) {
    const Table<T> input(1, 9, u);
    EXPECT_NEAR(static_cast<double>(this->forward(input, Table<T>(1, 9))(0, 8)), 0.0, 1e-30);
    const auto gradients = this->backward(input, Table<T>(1, 9), Table<T>(1, 9, T(1.0)));
    EXPECT_NEAR(static_cast<double>(gradients.du(0, 8)), 0.5, 1e-7);
  }
}

// A difference that cancels must not destroy the small values on the negative side.
TYPED_TEST(GeluKernels, TheNegativeTailKeepsItsRelativeAccuracy) {
  using T = TypeParam;
  for (const double u : {-3.0, -4.0, -5.0}) {
    // 1 + tanh(z) = 2 / (1 + exp(-2z)) without cancellation
    const double z = root_two_over_pi * (u + 0.044715 * u * u * u);
    const double expected = u / (1.0 + std::exp(-2.0 * z));
    const Table<T> y = this->forward(Table<T>(1, 5, static_cast<T>(u)), Table<T>(1, 5));
    EXPECT_NEAR(static_cast<double>(y(0, 0)) / expected, 1.0,
                1e-4 + support::rounding_error<T>(expected) / std::abs(expected))
        << u;
  }
}

TYPED_TEST(GeluKernels, ManyBiasGradientsAreSummedInFullPrecision) {
  using T = TypeParam;
  const Table<T> far(3001, 5, T(64.0)), ones(3001, 5, T(1.0));  // where the slope is 1
  for (const Accumulate<T> sum : this->backward(far, Table<T>(1, 5), ones).bias.values) {
    EXPECT_EQ(sum, 3001);
  }
}

using GeluGradient = GeluKernels<double>;

TEST_F(GeluGradient, AgreesWithFiniteDifferences) {
  const std::int64_t rows = 3, width = 33;
  const auto u = random_table<double>(rows, width, 1, 6.0);
  const auto bias = random_table<double>(1, width, 2);
  const auto dy = random_table<double>(rows, width, 3);
  const auto v = random_table<double>(rows, width, 4);
  const auto w = random_table<double>(1, width, 5);
  const auto gradients = backward(u, bias, dy);
  const double step = 1e-5;
  const auto along_u = [&](double e) { return inner_product(forward(moved(u, e, v), bias), dy); };
  const auto along_bias = [&](double e) {
    return inner_product(forward(u, moved(bias, e, w)), dy);
  };
  EXPECT_NEAR((along_u(step) - along_u(-step)) / (2 * step), inner_product(gradients.du, v), 1e-8);
  EXPECT_NEAR((along_bias(step) - along_bias(-step)) / (2 * step), inner_product(gradients.bias, w),
              1e-8);
}

}  // namespace
}  // namespace tidemark::kernels
