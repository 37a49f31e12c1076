// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/rms_norm.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::DeviceTable;
using support::in_double;
using support::inner_product;
using support::moved;
using support::random_table;
using support::Table;

/// 1 / sqrt(mean(x^2) + epsilon) of each row, [R, 1].
Table<double> naive_statistics(const Table<double>& x) {
  Table<double> statistics(x.rows, 1);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    double squares = 0.0;
    for (std::int64_t j = 0; j < x.columns; ++j) squares += x(i, j) * x(i, j);
    statistics(i, 0) = 1.0 / std::sqrt(squares / static_cast<double>(x.columns) + 1e-5);
  }
  return statistics;
}

struct Backward {
  Table<double> dx, weight_gradient;
};

/// By the Jacobian: with x' = x r, dx'_k / dx_j = r (delta_kj - x'_k x'_j / n).
Backward naive_backward(const Table<double>& dy, const Table<double>& x,
                        const Table<double>& weight) {
  const std::int64_t n = x.columns;
  const Table<double> statistics = naive_statistics(x);
  Backward result{Table<double>(x.rows, n), Table<double>(1, n)};
  for (std::int64_t i = 0; i < x.rows; ++i) {
    const double r = statistics(i, 0);
    for (std::int64_t k = 0; k < n; ++k) {
      const double g = dy(i, k) * weight(0, k);
      for (std::int64_t j = 0; j < n; ++j) {
        const double shared = x(i, k) * r * x(i, j) * r / static_cast<double>(n);
        result.dx(i, j) += g * r * ((k == j ? 1.0 : 0.0) - shared);
      }
      result.weight_gradient(0, k) += dy(i, k) * x(i, k) * r;
    }
  }
  return result;
}

template <class T>
class RmsNormKernels : public ::testing::Test {
 protected:
  Device device_;
};
TYPED_TEST_SUITE(RmsNormKernels, support::Precisions);

TYPED_TEST(RmsNormKernels, ForwardAndBackwardEqualTheNaiveLoops) {
  using T = TypeParam;
  for (const std::int64_t width : support::odd_widths) {
    for (const std::int64_t rows : {1, 5}) {
      SCOPED_TRACE(::testing::Message() << rows << " x " << width);
      const auto in = random_table<T>(rows, width, 1, 4.0),
                 out_gradient = random_table<T>(rows, width, 2);
      const auto gain = random_table<T>(1, width, 3), residual = random_table<T>(rows, width, 5);
      const DeviceTable<T> x(in, 3), y(rows, width, T(99.0F), 1), dy(out_gradient, 2);
      const DeviceTable<T> weight(gain), dx(residual, 5);
      const DeviceTable<Accumulate<T>> statistics(rows, 1, 99), dweight(1, width, 99);
      rms_norm_forward(this->device_, x.view(), weight.vector(), y.view(), statistics.view());
      rms_norm_backward(this->device_, dy.view(), x.view(), weight.vector(), statistics.view(),
                        dx.view(), dweight.vector());
      this->device_.fence();

      const Table<double> expected = naive_statistics(in_double(in));
      Table<double> normalised(rows, width);
      double condition = 1.0;  // the factor for rounding errors in the gradient
      for (std::int64_t i = 0; i < rows; ++i) {
        condition = std::max(condition, expected(i, 0));
        for (std::int64_t j = 0; j < width; ++j) {
          normalised(i, j) =
              static_cast<double>(in(i, j)) * expected(i, 0) * static_cast<double>(gain(0, j));
        }
      }
      EXPECT_TRUE(agrees(y.read(), normalised));
      EXPECT_TRUE(agrees(statistics.read(), expected));
      Backward backward = naive_backward(in_double(out_gradient), in_double(in), in_double(gain));
      backward.dx = moved(backward.dx, 1.0, in_double(residual));  // the residual is added
      EXPECT_TRUE(agrees(dx.read(), backward.dx, support::tolerance<T> * condition));
      EXPECT_TRUE(agrees(dweight.read(), backward.weight_gradient));
      EXPECT_TRUE(y.gap_is_untouched() && dx.gap_is_untouched());
    }
  }
}

// The mean stays. A norm that subtracts it is another norm.
TYPED_TEST(RmsNormKernels, AConstantRowBecomesTheWeightAndARowOfZerosStaysOne) {
  using T = TypeParam;
  const std::int64_t width = 40;
  const auto gain = random_table<T>(1, width, 8);
  const DeviceTable<T> constant(1, width, T(3.0)), zero(1, width, T(0.0)), y(1, width, T(99.0));
  const DeviceTable<Accumulate<T>> statistics(1, 1, 0);
  const DeviceTable<T> weight(gain);
  rms_norm_forward(this->device_, constant.view(), weight.vector(), y.view(), statistics.view());
  this->device_.fence();
  EXPECT_TRUE(agrees(y.read(), in_double(gain), 1e-5));
  rms_norm_forward(this->device_, zero.view(), weight.vector(), y.view(), statistics.view());
  this->device_.fence();
  EXPECT_TRUE(agrees(y.read(), Table<double>(1, width)));
  EXPECT_NEAR(static_cast<double>(statistics.read()(0, 0)), std::sqrt(1e5), 1e-2);
}

TYPED_TEST(RmsNormKernels, ManyWeightGradientsAreSummedInFullPrecision) {
  using T = TypeParam;
  const std::int64_t rows = 3001, width = 6;
  const DeviceTable<T> ones(rows, width, T(1.0)), dx(rows, width, T(0.0));
  const DeviceTable<Accumulate<T>> statistics(rows, 1, 1), dweight(1, width, 99);
  rms_norm_backward(this->device_, ones.view(), ones.view(),
                    DeviceTable<T>(1, width, T(1.0)).vector(), statistics.view(), dx.view(),
                    dweight.vector());
  this->device_.fence();
  for (const Accumulate<T> sum : dweight.read().values) EXPECT_EQ(sum, 3001);
}

TEST(RmsNormGradient, AgreesWithFiniteDifferences) {
  Device device;
  const std::int64_t rows = 4, width = 33;
  const auto in = random_table<double>(rows, width, 1, 4.0),
             dy = random_table<double>(rows, width, 2);
  const auto gain = random_table<double>(1, width, 3);
  const auto loss = [&](const Table<double>& x, const Table<double>& weight) {
    const DeviceTable<double> y(rows, width, 0.0), statistics(rows, 1, 0.0);
    rms_norm_forward(device, DeviceTable<double>(x).view(), DeviceTable<double>(weight).vector(),
                     y.view(), statistics.view());
    device.fence();
    return inner_product(y.read(), dy);
  };
  const DeviceTable<double> x(in), y(rows, width, 0.0), statistics(rows, 1, 0.0), weight(gain);
  const DeviceTable<double> dx(rows, width, 0.0), dweight(1, width, 0.0);
  rms_norm_forward(device, x.view(), weight.vector(), y.view(), statistics.view());
  rms_norm_backward(device, DeviceTable<double>(dy).view(), x.view(), weight.vector(),
                    statistics.view(), dx.view(), dweight.vector());
  device.fence();
  const double step = 1e-5;
  const auto v = random_table<double>(rows, width, 21), u = random_table<double>(1, width, 22);
  EXPECT_NEAR((loss(moved(in, step, v), gain) - loss(moved(in, -step, v), gain)) / (2 * step),
              inner_product(dx.read(), v), 1e-7);
  EXPECT_NEAR((loss(in, moved(gain, step, u)) - loss(in, moved(gain, -step, u))) / (2 * step),
              inner_product(dweight.read(), u), 1e-7);
}

}  // namespace
}  // namespace tidemark::kernels
