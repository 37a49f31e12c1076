// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/check.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <type_traits>

#include <gtest/gtest.h>

#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::DeviceTable;
using support::random_table;
using support::Table;

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T>
T with_bit_flipped(T value, unsigned bit) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t,
                                  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>>;
  const auto bits = std::bit_cast<Bits>(value);
  return std::bit_cast<T>(static_cast<Bits>(bits ^ (Bits{1} << bit)));
}

double largest_of(double) { return std::numeric_limits<double>::max(); }
float largest_of(float) { return std::numeric_limits<float>::max(); }
bfloat16 largest_of(bfloat16) { return bfloat16::from_bits(0x7f7f); }

template <class T>
class CheckKernels : public ::testing::Test {
 protected:
  std::int64_t not_finite(const Table<T>& x) {
    return count_not_finite(device_, DeviceTable<T>(x).vector());
  }
  double largest(const Table<T>& x) { return max_abs(device_, DeviceTable<T>(x).vector()); }
  double difference(const Table<T>& x, const Table<T>& y) {
    return max_abs_difference(device_, DeviceTable<T>(x).vector(), DeviceTable<T>(y).vector());
  }
  std::uint64_t digest_of(const Table<T>& x) { return digest(device_, DeviceTable<T>(x).vector()); }

  static constexpr T nan{std::numeric_limits<Accumulate<T>>::quiet_NaN()};
  static constexpr T inf{std::numeric_limits<Accumulate<T>>::infinity()};
  Device device_;
};
TYPED_TEST_SUITE(CheckKernels, support::Precisions);

TYPED_TEST(CheckKernels, CountsNanAndBothInfinitiesAtAnyPlace) {
  for (const std::int64_t place : {0, 15, 16, 100}) {
    auto x = random_table<TypeParam>(1, 101, 1);
    EXPECT_EQ(this->not_finite(x), 0);
    for (const TypeParam positive : {this->nan, this->inf}) {
      for (const double sign : {1.0, -1.0}) {
        const auto bad = static_cast<TypeParam>(sign * static_cast<double>(positive));
        x(0, place) = bad;
        EXPECT_EQ(this->not_finite(x), 1) << bad << " at " << place;
      }
    }
    x(0, 50) = this->nan;
    EXPECT_EQ(this->not_finite(x), 2);
  }
}

TYPED_TEST(CheckKernels, LargestAndSmallestNumbersAreFinite) {
  const TypeParam most = largest_of(TypeParam());
  Table<TypeParam> x(1, 4);
  x.values = {most, with_bit_flipped(most, 8 * sizeof(TypeParam) - 1),
              with_bit_flipped(TypeParam(0.0), 0), TypeParam(-0.0)};
  EXPECT_EQ(this->not_finite(x), 0);
  EXPECT_EQ(this->largest(x), static_cast<double>(most));
}

TYPED_TEST(CheckKernels, MaxAbsIsTheLargestMagnitudeAndInfiniteForNan) {
  auto x = random_table<TypeParam>(1, 70, 2);
  x(0, 33) = TypeParam(-5.0);
  EXPECT_EQ(this->largest(x), 5.0);
  x(0, 68) = TypeParam(6.0);
  EXPECT_EQ(this->largest(x), 6.0);
  x(0, 3) = this->nan;
  EXPECT_EQ(this->largest(x), infinity);
  x(0, 3) = TypeParam(-infinity);
  EXPECT_EQ(this->largest(x), infinity);
  EXPECT_EQ(this->largest(Table<TypeParam>(1, 0)), 0.0);
  EXPECT_EQ(this->largest(Table<TypeParam>(1, 9)), 0.0);
}

TYPED_TEST(CheckKernels, MaxAbsDifferenceSeesTheWorstElement) {
  const auto x = random_table<TypeParam>(1, 70, 3);
  auto y = x;
  EXPECT_EQ(this->difference(x, y), 0.0);
  y(0, 69) = static_cast<TypeParam>(static_cast<double>(x(0, 69)) + 3.0);
  y(0, 0) = static_cast<TypeParam>(static_cast<double>(x(0, 0)) - 2.0);
  const double expected = static_cast<double>(y(0, 69)) - static_cast<double>(x(0, 69));
  EXPECT_EQ(this->difference(x, y), expected);
  EXPECT_EQ(this->difference(y, x), expected);
  y(0, 5) = this->nan;
  EXPECT_EQ(this->difference(x, y), infinity);
  y(0, 5) = this->inf;
  EXPECT_EQ(this->difference(x, y), infinity);
  EXPECT_EQ(this->difference(y, y), infinity);  // inf - inf does not count as agreement
}

TYPED_TEST(CheckKernels, DigestSeesEveryBit) {
  const auto x = random_table<TypeParam>(1, 3, 4);
  std::set<std::uint64_t> digests{this->digest_of(x)};
  for (std::int64_t place = 0; place < 3; ++place) {
    for (unsigned bit = 0; bit < 8 * sizeof(TypeParam); ++bit) {
      auto y = x;
      y(0, place) = with_bit_flipped(x(0, place), bit);
      EXPECT_TRUE(digests.insert(this->digest_of(y)).second) << place << ", bit " << bit;
    }
  }
}

TYPED_TEST(CheckKernels, DigestSeesOrderLengthAndSignOfZero) {
  const auto x = random_table<TypeParam>(1, 257, 5);
  const std::uint64_t reference = this->digest_of(x);
  EXPECT_EQ(this->digest_of(x), reference);
  auto swapped = x;
  std::swap(swapped(0, 3), swapped(0, 200));
  EXPECT_NE(this->digest_of(swapped), reference);
  EXPECT_NE(this->digest_of(columns_of(x, 0, 256)), reference);
  EXPECT_NE(this->digest_of(Table<TypeParam>(1, 5)), this->digest_of(Table<TypeParam>(1, 6)));
  auto zero = Table<TypeParam>(1, 5);
  const std::uint64_t positive = this->digest_of(zero);
  zero(0, 2) = TypeParam(-0.0);
  EXPECT_NE(this->digest_of(zero), positive);
}

// Sets every element of the part, whatever the alignment of its address, and none beside it.
TYPED_TEST(CheckKernels, FillWithNanSetsAllOfAPartAndNothingElse) {
  for (std::int64_t first = 0; first < 5; ++first) {
    for (std::int64_t count = 0; count < 9; ++count) {
      DeviceTable<TypeParam> x(random_table<TypeParam>(1, 16, 6));
      const Vector<TypeParam> whole = x.vector();
      fill_with_nan(this->device_, whole.data() + first,
                    static_cast<std::size_t>(count) * sizeof(TypeParam));
      const auto host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), whole);
      for (std::int64_t i = 0; i < 16; ++i) {
        const bool inside = i >= first && i < first + count;
        EXPECT_EQ(std::isnan(static_cast<double>(host(i))), inside) << first << " " << count;
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::kernels
