// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/rotary.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::DeviceTable;
using support::in_double;
using support::inner_product;
using support::random_table;
using support::Table;

constexpr double theta = 500.0;

/// Tokens x [s b, C], turned by the definition.
Table<double> naive(const RotaryShape& shape, Table<double> x, double sign) {
  const std::int64_t d = shape.head_size;
  for (std::int64_t row = 0; row < x.rows; ++row) {
    const std::int64_t position = row / shape.batch;
    for (std::int64_t group = 0; group < shape.groups; ++group) {
      for (std::int64_t head = 0; head < shape.turning; ++head) {
        const std::int64_t first = (group * (shape.turning + shape.resting) + head) * d;
        for (std::int64_t j = 0; j < d / 2; ++j) {
          const double angle =
              sign * static_cast<double>(position) /
              std::pow(theta, 2.0 * static_cast<double>(j) / static_cast<double>(d));
          const double u = x(row, first + j), v = x(row, first + j + d / 2);
          x(row, first + j) = u * std::cos(angle) - v * std::sin(angle);
          x(row, first + j + d / 2) = u * std::sin(angle) + v * std::cos(angle);
        }
      }
    }
  }
  return x;
}

template <class T>
class RotaryKernels : public ::testing::Test {
 protected:
  using F = Accumulate<T>;

  Table<T> rotated(const RotaryShape& shape, std::int64_t length, const Table<T>& x, Turn turn) {
    const DeviceTable<F> table(length, shape.head_size, F(99));
    fill_rotary_table(device_, theta, table.view());
    const DeviceTable<T> in_place(x, 3);
    rotate(device_, shape, table.view(), turn, in_place.view());
    device_.fence();
    EXPECT_TRUE(in_place.gap_is_untouched());
    return in_place.read();
  }
  static std::int64_t width_of(const RotaryShape& shape) {
    return shape.groups * (shape.turning + shape.resting) * shape.head_size;
  }
  Device device_;
};
TYPED_TEST_SUITE(RotaryKernels, support::Precisions);

TYPED_TEST(RotaryKernels, EqualsTheNaiveLoops) {
  using T = TypeParam;
  const std::int64_t length = 19;
  for (const std::int64_t head_size : {2, 6, 64, 130}) {
    for (const std::int64_t batch : {1, 3}) {
      const RotaryShape shape{2, 3, 1, head_size, batch};
      SCOPED_TRACE(::testing::Message() << "d " << head_size << ", b " << batch);
      const auto x = random_table<T>(length * batch, this->width_of(shape), 1);
      EXPECT_TRUE(
          agrees(this->rotated(shape, length, x, Turn::forward), naive(shape, in_double(x), 1.0)));
      EXPECT_TRUE(
          agrees(this->rotated(shape, length, x, Turn::back), naive(shape, in_double(x), -1.0)));
    }
  }
}

// Values must keep every bit, and the first position does not turn.
TYPED_TEST(RotaryKernels, LeavesValuesAndTheFirstPositionAsTheyAre) {
  using T = TypeParam;
  const RotaryShape shape{2, 2, 1, 6, 2};
  const auto x = random_table<T>(14, this->width_of(shape), 1);
  const Table<T> y = this->rotated(shape, 7, x, Turn::forward);
  for (std::int64_t row = 0; row < 14; ++row) {
    for (std::int64_t column = 0; column < y.columns; ++column) {
      const bool rests = row < 2 || column % 18 >= 12;
      EXPECT_TRUE(!rests || y(row, column) == x(row, column)) << row << ", " << column;
    }
  }
}

using RotaryGradient = RotaryKernels<double>;

// A rotation's gradient is its transpose: <R x, y> = <x, R^T y>, and the transpose undoes it.
TEST_F(RotaryGradient, TurnsBackWhatWasTurned) {
  const RotaryShape shape{3, 2, 1, 8, 2};
  const auto x = random_table<double>(22, width_of(shape), 1);
  const auto y = random_table<double>(22, width_of(shape), 2);
  const Table<double> turned = rotated(shape, 11, x, Turn::forward);
  EXPECT_NEAR(inner_product(turned, y), inner_product(x, rotated(shape, 11, y, Turn::back)), 1e-12);
  EXPECT_TRUE(agrees(rotated(shape, 11, turned, Turn::back), x));
}

// Scores depend only on the distance of query and key. This is the purpose of rotary positions.
TEST_F(RotaryGradient, ProductsDependOnTheDistanceAlone) {
  const RotaryShape shape{1, 2, 1, 8, 1};
  const auto one = random_table<double>(1, width_of(shape), 1);
  Table<double> same(12, one.columns);
  for (std::int64_t row = 0; row < same.rows; ++row) {
    for (std::int64_t j = 0; j < one.columns; ++j) same(row, j) = one(0, j);
  }
  const Table<double> turned = rotated(shape, 12, same, Turn::forward);
  const auto score = [&](std::int64_t query, std::int64_t key) {
    double sum = 0.0;
    for (std::int64_t j = 0; j < 8; ++j) sum += turned(query, j) * turned(key, 8 + j);
    return sum;
  };
  EXPECT_NEAR(score(5, 2), score(11, 8), 1e-13);
  EXPECT_GT(std::abs(score(5, 2) - score(5, 3)), 1e-3);
}

// Angles of far positions keep their digits, also in fp32.
TEST(RotaryTable, IsRoundedFromDoubles) {
  Device device;
  const DeviceTable<float> table(100001, 4, 0.0F);
  fill_rotary_table(device, 10000.0, table.view());
  EXPECT_FLOAT_EQ(table.read()(100000, 0), static_cast<float>(std::cos(1e5)));
  EXPECT_FLOAT_EQ(table.read()(100000, 3), static_cast<float>(std::sin(1e3)));
}

}  // namespace
}  // namespace tidemark::kernels
