// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "kernels/dropout.hpp"
#include "kernels/references.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::DeviceTable;
using support::in_double;
using support::random_table;
using support::Table;

constexpr philox::Key key{1234, 4};

template <class T>
struct Dropped {
  Table<T> x, gradient;
  Table<std::uint8_t> mask;
};

/// Both kernels, in place. The backward uses the mask of the forward.
template <class T>
Dropped<T> dropped(double p, std::uint64_t first, const Table<T>& x, const Table<T>& gradient) {
  Device device;
  const Dropout dropout = make_dropout(p, key, first);
  const DeviceTable<T> in_place(x), dx(gradient);
  const DeviceTable<std::uint8_t> mask(x.rows, x.columns, std::uint8_t{7});
  const Mask view = p > 0.0 ? mask.view() : Mask();
  dropout_forward(device, dropout, in_place.view(), view);
  dropout_backward(device, dropout, view, dx.view());
  device.fence();
  return {in_place.read(), dx.read(), mask.read()};
}

template <class T>
class EmbeddingDropout : public ::testing::Test {};
TYPED_TEST_SUITE(EmbeddingDropout, support::Precisions);

TYPED_TEST(EmbeddingDropout, ForwardAndBackwardEqualTheNaiveLoops) {
  using T = TypeParam;
  for (const std::int64_t width : support::odd_widths) {
    for (const double p : {0.1, 0.9}) {
      for (const std::uint64_t first : {0ULL, 5ULL, 17179869182ULL}) {
        SCOPED_TRACE(::testing::Message() << width << " columns, p " << p << ", first " << first);
        const auto x = random_table<T>(3, width, 1), gradient = random_table<T>(3, width, 2);
        const Dropped<T> actual = dropped(p, first, x, gradient);
        const Table<double> factors = reference::dropout_factors(key, p, first, 3, width);
        EXPECT_TRUE(agrees(actual.x, reference::times(factors, in_double(x))));
        EXPECT_TRUE(agrees(actual.gradient, reference::times(factors, in_double(gradient))));
        for (std::size_t i = 0; i < factors.values.size(); ++i) {
          ASSERT_EQ(actual.mask.values[i], factors.values[i] > 0.0 ? 1 : 0);
        }
      }
    }
  }
}

TYPED_TEST(EmbeddingDropout, ShardsDropWhatTheWholeDrops) {
  using T = TypeParam;
  const std::int64_t rows = 12, width = 13;
  const auto x = random_table<T>(rows, width, 1), gradient = random_table<T>(rows, width, 2);
  const Dropped<T> whole = dropped(0.4, 0, x, gradient);
  for (const std::int64_t count : {6, 4, 3}) {
    for (std::int64_t first = 0; first < rows; first += count) {
      const Dropped<T> part = dropped(0.4, static_cast<std::uint64_t>(first * width),
                                      rows_of(x, first, count), rows_of(gradient, first, count));
      EXPECT_EQ(part.x.values, rows_of(whole.x, first, count).values);
      EXPECT_EQ(part.gradient.values, rows_of(whole.gradient, first, count).values);
      EXPECT_EQ(part.mask.values, rows_of(whole.mask, first, count).values);
    }
  }
}

TYPED_TEST(EmbeddingDropout, WithoutDropoutNothingIsTouched) {
  using T = TypeParam;
  const auto x = random_table<T>(3, 33, 1), gradient = random_table<T>(3, 33, 2);
  const Dropped<T> actual = dropped(0.0, 0, x, gradient);
  EXPECT_EQ(actual.x.values, x.values);
  EXPECT_EQ(actual.gradient.values, gradient.values);
  for (const std::uint8_t kept : actual.mask.values) EXPECT_EQ(kept, 7);
}

}  // namespace
}  // namespace tidemark::kernels
