// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/dropout.hpp"

#include <cmath>
#include <optional>

#include <gtest/gtest.h>

#include "kernels/references.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::DeviceTable;
using support::random_table;
using support::Table;

constexpr philox::Key key{1234, 39};

template <class T>
struct Run {
  Table<std::uint8_t> mask;
  Table<T> out, dz;
  Table<Accumulate<T>> bias_gradient;
};

/// Forward and backward of `z`. Without dropout, the mask has no elements.
template <class T>
Run<T> run(Device& device, const Dropout& dropout, const Table<T>& z, const Table<T>& bias,
           const Table<T>& residual, const Table<T>& dy) {
  std::optional<DeviceTable<std::uint8_t>> mask;
  if (dropout.active) mask.emplace(z.rows, z.columns, std::uint8_t{7});
  const Mask mask_view = mask ? mask->view() : Mask();
  const DeviceTable<T> out(z.rows, z.columns, T(99.0F)), dz(z.rows, z.columns, T(99.0F));
  const DeviceTable<Accumulate<T>> bias_gradient(1, z.columns, 99);
  bias_dropout_add_forward(device, dropout, DeviceTable<T>(z).view(), DeviceTable<T>(bias).vector(),
                           DeviceTable<T>(residual).view(), mask_view, out.view());
  bias_dropout_add_backward(device, dropout, DeviceTable<T>(dy).view(), mask_view, dz.view(),
                            bias_gradient.vector());
  device.fence();
  return {mask ? mask->read() : Table<std::uint8_t>(), out.read(), dz.read(), bias_gradient.read()};
}

template <class T>
class DropoutKernels : public ::testing::Test {
 protected:
  Device device_;
};
TYPED_TEST_SUITE(DropoutKernels, support::Precisions);

TYPED_TEST(DropoutKernels, ForwardAndBackwardEqualTheNaiveLoops) {
  using T = TypeParam;
  for (const std::int64_t width : support::odd_widths) {
    for (const double p : {0.0, 0.1, 0.9}) {
      for (const std::uint64_t first : {0ULL, 5ULL, 4294967291ULL, 17179869182ULL}) {
        SCOPED_TRACE(::testing::Message() << width << " columns, p " << p << ", first " << first);
        const std::int64_t rows = 3;
        const auto z = random_table<T>(rows, width, 1), residual = random_table<T>(rows, width, 2);
        const auto dy = random_table<T>(rows, width, 3), bias = random_table<T>(1, width, 4);
        const Run<T> actual =
            run(this->device_, make_dropout(p, key, first), z, bias, residual, dy);
        Table<double> out(rows, width), dz(rows, width), bias_gradient(1, width);
        for (std::int64_t i = 0; i < rows; ++i) {
          for (std::int64_t j = 0; j < width; ++j) {
            const bool kept =
                p == 0.0 ||
                reference::keeps(key, p, first + static_cast<std::uint64_t>(i * width + j));
            const double factor = kept ? 1.0 / (1.0 - p) : 0.0;
            const double shifted = static_cast<double>(z(i, j)) + static_cast<double>(bias(0, j));
            out(i, j) = static_cast<double>(residual(i, j)) + factor * shifted;
            dz(i, j) = factor * static_cast<double>(dy(i, j));
            bias_gradient(0, j) += dz(i, j);
            if (p > 0.0) {
              ASSERT_EQ(actual.mask(i, j), kept ? 1 : 0) << i << ", " << j;
            }
          }
        }
        EXPECT_TRUE(agrees(actual.out, out));
        EXPECT_TRUE(agrees(actual.dz, dz));
        EXPECT_TRUE(agrees(actual.bias_gradient, bias_gradient));
      }
    }
  }
}

// This makes a run independent of the number of ranks.
TYPED_TEST(DropoutKernels, ShardsDropWhatTheWholeDrops) {
  using T = TypeParam;
  const std::int64_t rows = 12, width = 13;
  const auto z = random_table<T>(rows, width, 1), residual = random_table<T>(rows, width, 2);
  const auto dy = random_table<T>(rows, width, 3), bias = random_table<T>(1, width, 4);
  const Run<T> whole = run(this->device_, make_dropout(0.4, key, 0), z, bias, residual, dy);
  for (const std::int64_t shards : {2, 3, 4}) {
    const std::int64_t count = rows / shards;
    for (std::int64_t first = 0; first < rows; first += count) {
      const Dropout dropout = make_dropout(0.4, key, static_cast<std::uint64_t>(first * width));
      const Run<T> part = run(this->device_, dropout, rows_of(z, first, count), bias,
                              rows_of(residual, first, count), rows_of(dy, first, count));
      EXPECT_EQ(part.mask.values, rows_of(whole.mask, first, count).values);
      EXPECT_EQ(part.out.values, rows_of(whole.out, first, count).values);
      EXPECT_EQ(part.dz.values, rows_of(whole.dz, first, count).values);
    }
  }
}

TYPED_TEST(DropoutKernels, DropsTheFractionAskedForAndKeepsTheMean) {
  using T = TypeParam;
  const std::int64_t rows = 64, width = 4096;
  const double count = static_cast<double>(rows * width);
  for (const double p : {0.1, 0.5, 0.9}) {
    const Run<T> actual = run(this->device_, make_dropout(p, key, 0), Table<T>(rows, width, T(1.0)),
                              Table<T>(1, width), Table<T>(rows, width), Table<T>(rows, width));
    double kept = 0.0;
    double sum = 0.0;
    for (const std::uint8_t k : actual.mask.values) kept += k;
    for (const T value : actual.out.values) sum += static_cast<double>(value);
    const double deviation = std::sqrt(p * (1.0 - p) / count);
    EXPECT_NEAR(kept / count, 1.0 - p, 5.0 * deviation) << p;
    const double rounding = support::rounding_error<T>(1.0 / (1.0 - p)) * (1.0 - p);
    EXPECT_NEAR(sum / count, 1.0, 5.0 * deviation / (1.0 - p) + rounding) << p;
  }
}

TYPED_TEST(DropoutKernels, ManyBiasGradientsAreSummedInFullPrecision) {
  using T = TypeParam;
  const Table<T> ones(3001, 5, T(1.0));
  for (const double p : {0.0, 0.5}) {
    const Run<T> actual =
        run(this->device_, make_dropout(p, key, 0), ones, Table<T>(1, 5), ones, ones);
    for (std::int64_t j = 0; j < 5; ++j) {
      double expected = 0.0;
      for (std::int64_t i = 0; i < 3001; ++i) expected += p > 0.0 ? 2.0 * actual.mask(i, j) : 1.0;
      EXPECT_EQ(static_cast<double>(actual.bias_gradient(0, j)), expected) << p;
    }
  }
}

TYPED_TEST(DropoutKernels, StreamsDropDifferentElements) {
  using T = TypeParam;
  const Table<T> any(8, 512, T(1.0)), none(1, 512);
  const Run<T> one = run(this->device_, make_dropout(0.5, {1234, 39}, 0), any, none, any, any);
  const Run<T> stream = run(this->device_, make_dropout(0.5, {1234, 46}, 0), any, none, any, any);
  const Run<T> seed = run(this->device_, make_dropout(0.5, {1235, 39}, 0), any, none, any, any);
  for (const Run<T>& other : {stream, seed}) {
    int equal = 0;
    for (std::size_t i = 0; i < one.mask.values.size(); ++i) {
      equal += one.mask.values[i] == other.mask.values[i] ? 1 : 0;
    }
    EXPECT_NEAR(equal / 4096.0, 0.5, 0.05);
  }
}

TEST(MakeDropout, TurnsAProbabilityIntoThresholdAndScale) {
  const Dropout none = make_dropout(0.0, key, 3);
  EXPECT_FALSE(none.active);
  EXPECT_EQ(none.scale, 1.0);
  const Dropout half = make_dropout(0.5, key, 3);
  EXPECT_TRUE(half.active);
  EXPECT_EQ(half.threshold, 0x80000000U);
  EXPECT_EQ(half.scale, 2.0);
  EXPECT_EQ(half.first_element, 3U);
  EXPECT_EQ(half.key.seed, key.seed);
  EXPECT_EQ(half.key.stream, key.stream);
  EXPECT_EQ(make_dropout(0.1, key, 0).threshold, 429496730U);
  // Close to 1, the rounded threshold would exceed 32 bits and become 0. Then nothing would be
  // dropped.
  EXPECT_EQ(make_dropout(1.0 - 1e-12, key, 0).threshold, 0xffffffffU);
}

}  // namespace
}  // namespace tidemark::kernels
