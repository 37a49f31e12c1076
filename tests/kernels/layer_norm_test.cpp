// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/layer_norm.hpp"

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

struct Forward {
  Table<double> y, statistics;
};

/// By the definition, in doubles.
Forward naive_forward(const Table<double>& x, const Table<double>& weight,
                      const Table<double>& bias) {
  Forward result{Table<double>(x.rows, x.columns), Table<double>(x.rows, 2)};
  const auto n = static_cast<double>(x.columns);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    double mean = 0.0;
    for (std::int64_t j = 0; j < x.columns; ++j) mean += x(i, j) / n;
    double variance = 0.0;
    for (std::int64_t j = 0; j < x.columns; ++j) variance += std::pow(x(i, j) - mean, 2) / n;
    const double deviation = std::sqrt(variance + 1e-5);
    for (std::int64_t j = 0; j < x.columns; ++j) {
      result.y(i, j) = (x(i, j) - mean) / deviation * weight(0, j) + bias(0, j);
    }
    result.statistics(i, 0) = mean;
    result.statistics(i, 1) = 1.0 / deviation;
  }
  return result;
}

struct Backward {
  Table<double> dx, weight_gradient, bias_gradient;
};

/// By the Jacobian: with x' = (x - mean) r, dx'_k / dx_j = r (delta_kj - 1/n - x'_k x'_j / n).
Backward naive_backward(const Table<double>& dy, const Table<double>& x,
                        const Table<double>& weight) {
  const std::int64_t n = x.columns;
  Backward result{Table<double>(x.rows, n), Table<double>(1, n), Table<double>(1, n)};
  const Forward plain = naive_forward(x, Table<double>(1, n, 1.0), Table<double>(1, n));
  for (std::int64_t i = 0; i < x.rows; ++i) {
    const double r = plain.statistics(i, 1);
    for (std::int64_t k = 0; k < n; ++k) {
      const double g = dy(i, k) * weight(0, k);
      for (std::int64_t j = 0; j < n; ++j) {
        const double shared = (1.0 + plain.y(i, k) * plain.y(i, j)) / static_cast<double>(n);
        result.dx(i, j) += g * r * ((k == j ? 1.0 : 0.0) - shared);
      }
      result.weight_gradient(0, k) += dy(i, k) * plain.y(i, k);
      result.bias_gradient(0, k) += dy(i, k);
    }
  }
  return result;
}

template <class T>
struct Inputs {
  Table<T> x, dy, weight, bias, residual;
};

template <class T>
Inputs<T> make_inputs(std::int64_t rows, std::int64_t width) {
  Inputs<T> in{random_table<T>(rows, width, 1, 4.0), random_table<T>(rows, width, 2),
               random_table<T>(1, width, 3), random_table<T>(1, width, 4),
               random_table<T>(rows, width, 5)};
  // Gives rows a mean that is large compared with rounding errors.
  for (T& value : in.x.values) value = static_cast<T>(static_cast<double>(value) + 0.5);
  return in;
}

template <class T>
class NormKernels : public ::testing::Test {
 protected:
  Device device_;
};
TYPED_TEST_SUITE(NormKernels, support::Precisions);

TYPED_TEST(NormKernels, ForwardAndBackwardEqualTheNaiveLoops) {
  using T = TypeParam;
  for (const std::int64_t width : support::odd_widths) {
    for (const std::int64_t rows : {1, 5}) {
      SCOPED_TRACE(::testing::Message() << rows << " x " << width);
      const Inputs<T> in = make_inputs<T>(rows, width);
      const DeviceTable<T> x(in.x, 3), y(rows, width, T(99.0F), 1);
      const DeviceTable<Accumulate<T>> statistics(rows, 2, 99);
      const DeviceTable<T> weight(in.weight), bias(in.bias), dy(in.dy, 2), dx(in.residual, 5);
      const DeviceTable<Accumulate<T>> dweight(1, width, 99), dbias(1, width, 99);
      layer_norm_forward(this->device_, x.view(), weight.vector(), bias.vector(), y.view(),
                         statistics.view());
      layer_norm_backward(this->device_, dy.view(), x.view(), weight.vector(), statistics.view(),
                          dx.view(), dweight.vector(), dbias.vector());
      this->device_.fence();

      const Forward forward =
          naive_forward(in_double(in.x), in_double(in.weight), in_double(in.bias));
      EXPECT_TRUE(agrees(y.read(), forward.y));
      EXPECT_TRUE(agrees(statistics.read(), forward.statistics));
      Backward backward = naive_backward(in_double(in.dy), in_double(in.x), in_double(in.weight));
      backward.dx = moved(backward.dx, 1.0, in_double(in.residual));  // the residual is added
      // Rounding errors in the gradient after the norm reach its input times 1/deviation. This is
      // 316 if a row has no variance at all.
      double condition = 1.0;
      for (std::int64_t i = 0; i < rows; ++i) {
        condition = std::max(condition, forward.statistics(i, 1));
      }
      EXPECT_TRUE(agrees(dx.read(), backward.dx, support::tolerance<T> * condition));
      EXPECT_TRUE(agrees(dweight.read(), backward.weight_gradient));
      EXPECT_TRUE(agrees(dbias.read(), backward.bias_gradient));
      EXPECT_TRUE(y.gap_is_untouched() && dx.gap_is_untouched());
    }
  }
}

// The mean cancels all digits of a one-pass variance in fp32. In bf16 it must leave digits for the
// rest.
TYPED_TEST(NormKernels, ALargeMeanDoesNotSpoilTheVariance) {
  using T = TypeParam;
  const std::int64_t width = 768;
  const double mean = sizeof(T) == 2 ? 128.0 : 4096.0;
  Table<T> x(1, width);
  for (std::int64_t j = 0; j < width; ++j) x(0, j) = T(mean + (j % 2 == 0 ? 1.0 : -1.0));
  const DeviceTable<T> y(1, width, T(0.0));
  const DeviceTable<Accumulate<T>> statistics(1, 2, 0);
  const DeviceTable<T> one(1, width, T(1.0)), zero(1, width, T(0.0));
  layer_norm_forward(this->device_, DeviceTable<T>(x).view(), one.vector(), zero.vector(), y.view(),
                     statistics.view());
  this->device_.fence();
  const double expected = 1.0 / std::sqrt(1.0 + 1e-5);
  const double bound = 1e-6 + support::rounding_error<T>(expected);
  EXPECT_NEAR(static_cast<double>(y.read()(0, 0)), expected, bound);
  EXPECT_NEAR(static_cast<double>(y.read()(0, 1)), -expected, bound);
  EXPECT_NEAR(static_cast<double>(statistics.read()(0, 1)), expected, 1e-6);
}

TYPED_TEST(NormKernels, AConstantRowBecomesTheBias) {
  using T = TypeParam;
  const std::int64_t width = 40;
  const auto bias = random_table<T>(1, width, 8);
  const DeviceTable<T> x(2, width, T(3.0)), y(2, width, T(0.0));
  const DeviceTable<Accumulate<T>> statistics(2, 2, 0);
  layer_norm_forward(this->device_, x.view(), DeviceTable<T>(1, width, T(1.0)).vector(),
                     DeviceTable<T>(bias).vector(), y.view(), statistics.view());
  this->device_.fence();
  for (std::int64_t j = 0; j < width; ++j) EXPECT_NEAR(y.read()(1, j), bias(0, j), 1e-4);
  EXPECT_NEAR(static_cast<double>(statistics.read()(1, 1)), std::sqrt(1e5), 1.0);
}

TYPED_TEST(NormKernels, ManyParameterGradientsAreSummedInFullPrecision) {
  using T = TypeParam;
  const std::int64_t rows = 3001, width = 6;
  Table<T> x(rows, width);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < width; ++j) x(i, j) = T(j % 2 == 0 ? 1.0 : -1.0);
  }
  Table<Accumulate<T>> statistics(rows, 2);  // mean 0, reciprocal deviation 1: x as normalised
  for (std::int64_t i = 0; i < rows; ++i) statistics(i, 1) = 1;
  const DeviceTable<T> ones(rows, width, T(1.0)), dx(rows, width, T(0.0));
  const DeviceTable<Accumulate<T>> dweight(1, width, 99), dbias(1, width, 99);
  layer_norm_backward(this->device_, ones.view(), DeviceTable<T>(x).view(),
                      DeviceTable<T>(1, width, T(1.0)).vector(),
                      DeviceTable<Accumulate<T>>(statistics).view(), dx.view(), dweight.vector(),
                      dbias.vector());
  this->device_.fence();
  for (std::int64_t j = 0; j < width; ++j) {
    EXPECT_EQ(dbias.read()(0, j), 3001);
    EXPECT_EQ(dweight.read()(0, j), j % 2 == 0 ? 3001 : -3001);
  }
}

/// <dy, norm(x; weight, bias)> by the kernel, in doubles.
double loss(Device& device, const Table<double>& x, const Table<double>& weight,
            const Table<double>& bias, const Table<double>& dy) {
  const DeviceTable<double> y(x.rows, x.columns, 0.0), statistics(x.rows, 2, 0.0);
  layer_norm_forward(device, DeviceTable<double>(x).view(), DeviceTable<double>(weight).vector(),
                     DeviceTable<double>(bias).vector(), y.view(), statistics.view());
  device.fence();
  return inner_product(y.read(), dy);
}

TEST(NormGradient, AgreesWithFiniteDifferences) {
  Device device;
  const std::int64_t rows = 4, width = 33;
  const Inputs<double> in = make_inputs<double>(rows, width);
  const DeviceTable<double> x(in.x), y(rows, width, 0.0), statistics(rows, 2, 0.0);
  const DeviceTable<double> weight(in.weight), bias(in.bias), dx(rows, width, 0.0);
  const DeviceTable<double> dweight(1, width, 0.0), dbias(1, width, 0.0);
  layer_norm_forward(device, x.view(), weight.vector(), bias.vector(), y.view(), statistics.view());
  layer_norm_backward(device, DeviceTable<double>(in.dy).view(), x.view(), weight.vector(),
                      statistics.view(), dx.view(), dweight.vector(), dbias.vector());
  device.fence();

  const double step = 1e-5;
  const auto v = random_table<double>(rows, width, 21);
  const auto u = random_table<double>(1, width, 22);
  const auto difference = [&](const auto& loss_at) {
    return (loss_at(step) - loss_at(-step)) / (2.0 * step);
  };
  EXPECT_NEAR(difference([&](double e) {
                return loss(device, moved(in.x, e, v), in.weight, in.bias, in.dy);
              }),
              inner_product(dx.read(), v), 1e-7);
  EXPECT_NEAR(difference([&](double e) {
                return loss(device, in.x, moved(in.weight, e, u), in.bias, in.dy);
              }),
              inner_product(dweight.read(), u), 1e-7);
  EXPECT_NEAR(difference([&](double e) {
                return loss(device, in.x, in.weight, moved(in.bias, e, u), in.dy);
              }),
              inner_product(dbias.read(), u), 1e-7);
}

}  // namespace
}  // namespace tidemark::kernels
