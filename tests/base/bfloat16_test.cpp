// SPDX-License-Identifier: BSD-3-Clause
#include "base/bfloat16.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>

#include <gtest/gtest.h>

namespace tidemark {
namespace {

constexpr std::uint16_t infinity_bits = 0x7f80;
constexpr std::uint16_t sign_bit = 0x8000;

float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }
bfloat16 pattern(unsigned bits) { return bfloat16::from_bits(static_cast<std::uint16_t>(bits)); }
bool is_nan(std::uint16_t bits) { return (bits & 0x7fffU) > infinity_bits; }

/// The value of the pattern after that of a finite number, as if exponents had no upper limit.
double successor(unsigned bits) {
  return bits + 1 == infinity_bits ? std::ldexp(1.0, 128)
                                   : static_cast<double>(float{pattern(bits + 1)});
}

/// Expects that `value` becomes `bits`, and that its negative becomes the same with the other sign.
template <class Real>
void expect_rounds_to(Real value, unsigned bits) {
  ASSERT_EQ(bfloat16(value).bits(), bits) << value;
  ASSERT_EQ(bfloat16(-value).bits(), bits | sign_bit) << -value;
}

TEST(Bfloat16, IsTheUpperHalfOfAFloat) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = pattern(bits);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(value), bits << 16);
  }
}

TEST(Bfloat16, EveryPatternSurvivesTheWayToFloatAndBack) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const float value = pattern(bits);
    if (is_nan(static_cast<std::uint16_t>(bits))) {
      ASSERT_EQ(bfloat16(value).bits(), bits | 0x40U);  // quiet, with the payload it had
    } else {
      ASSERT_EQ(bfloat16(value).bits(), bits);
      ASSERT_EQ(bfloat16(static_cast<double>(value)).bits(), bits);
    }
  }
}

// Covers all numbers half way between two neighbours, and the floats and doubles next to them. This
// includes subnormals and the threshold of overflow.
TEST(Bfloat16, RoundsToTheNearestAndTiesToEven) {
  for (unsigned bits = 0; bits < infinity_bits; ++bits) {
    const auto low = static_cast<double>(float{pattern(bits)});
    const double tie = 0.5 * (low + successor(bits));
    const auto as_float = static_cast<float>(tie);
    ASSERT_EQ(static_cast<double>(as_float), tie);
    const unsigned even = bits + bits % 2;
    expect_rounds_to(as_float, even);
    expect_rounds_to(std::nextafter(as_float, 0.0F), bits);
    expect_rounds_to(std::nextafter(as_float, HUGE_VALF), bits + 1);
    expect_rounds_to(tie, even);
    // The floats nearest to these doubles are the tie itself.
    expect_rounds_to(std::nextafter(tie, 0.0), bits);
    expect_rounds_to(std::nextafter(tie, HUGE_VAL), bits + 1);
  }
}

TEST(Bfloat16, ZeroKeepsItsSignAndWhatIsTooSmallBecomesZero) {
  expect_rounds_to(0.0F, 0);
  expect_rounds_to(0.0, 0);
  expect_rounds_to(std::numeric_limits<float>::denorm_min(), 0);
  expect_rounds_to(std::numeric_limits<double>::denorm_min(), 0);
  expect_rounds_to(1e-300, 0);
}

TEST(Bfloat16, OverflowsToInfinity) {
  expect_rounds_to(std::numeric_limits<float>::max(), infinity_bits);
  expect_rounds_to(std::numeric_limits<double>::max(), infinity_bits);
  expect_rounds_to(std::numeric_limits<float>::infinity(), infinity_bits);
  expect_rounds_to(std::numeric_limits<double>::infinity(), infinity_bits);
  expect_rounds_to(float_of(0x7f7f0000), 0x7f7f);  // the largest
  expect_rounds_to(float_of(0x7f7f7fff), 0x7f7f);
  expect_rounds_to(float_of(0x7f7f8000), infinity_bits);
}

// Rounding by addition to the bits would turn some of these into infinity, or change their sign.
TEST(Bfloat16, NanStaysNanOfItsSignWhateverItsPayload) {
  const auto expect_nan = [](std::uint32_t bits) {
    const bfloat16 value(float_of(bits));
    EXPECT_TRUE(is_nan(value.bits())) << std::hex << bits;
    EXPECT_EQ(value.bits() >> 15, bits >> 31) << std::hex << bits;
  };
  for (const std::uint32_t sign : {0U, 0x80000000U}) {
    for (const std::uint32_t payload : {0x7fffffU, 0x7f8000U, 0x7fff7fU, 0x3fffffU, 0x400000U}) {
      expect_nan(sign | 0x7f800000U | payload);
    }
    for (unsigned bit = 0; bit < 23; ++bit) expect_nan(sign | 0x7f800000U | (1U << bit));
  }
  EXPECT_TRUE(is_nan(bfloat16(std::numeric_limits<double>::quiet_NaN()).bits()));
  EXPECT_TRUE(is_nan(bfloat16(-std::numeric_limits<double>::quiet_NaN()).bits()));
}

/// The nearest multiple of the unit in the last place, with ties to even. bfloat16 has 8 bits.
double nearest(double value) {
  int exponent = 0;
  std::frexp(value, &exponent);
  const int unit = std::max(exponent - 8, -133);
  return std::ldexp(std::nearbyint(std::ldexp(value, -unit)), unit);
}

TEST(Bfloat16, EqualsTheReferenceInDoubles) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> significand(-2.0, 2.0);
  std::uniform_int_distribution<int> exponent(-145, 126);
  for (int i = 0; i < 200000; ++i) {
    const double value = std::ldexp(significand(random), exponent(random));
    const auto as_float = static_cast<float>(value);
    ASSERT_EQ(static_cast<double>(float{bfloat16(value)}), nearest(value)) << value;
    ASSERT_EQ(static_cast<double>(float{bfloat16(as_float)}),
              nearest(static_cast<double>(as_float)))
        << value;
  }
}

TEST(Bfloat16, IsStorageAloneAndComputesInFloat) {
  static_assert(std::is_same_v<decltype(bfloat16(1.0F) + bfloat16(1.0F)), float>);
  static_assert(std::is_convertible_v<bfloat16, float>);
  static_assert(!std::is_convertible_v<float, bfloat16>, "rounding has to be asked for");
  static_assert(!std::is_convertible_v<double, bfloat16>);
  static_assert(std::is_trivially_copyable_v<bfloat16>);
  static_assert(std::is_trivially_default_constructible_v<bfloat16>);
  static_assert(bfloat16(1.0).bits() == 0x3f80);
  static_assert(bfloat16::from_bits(0x3f80) == 1.0F);
  EXPECT_EQ(bfloat16(256.0F) + bfloat16(1.0F), 257.0F);
}

}  // namespace
}  // namespace tidemark
