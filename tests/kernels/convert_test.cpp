// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/convert.hpp"

#include <bit>
#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::DeviceTable;
using support::random_table;
using support::Table;

template <class To, class From>
Table<To> converted(const Table<From>& from, std::int64_t gap_from = 0, std::int64_t gap_to = 0) {
  Device device;
  const DeviceTable<From> source(from, gap_from);
  const DeviceTable<To> target(from.rows, from.columns, To(99.0F), gap_to);
  convert(device, source.view(), target.view());
  device.fence();
  EXPECT_TRUE(target.gap_is_untouched());
  return target.read();
}

// The kernel is built with fast-math, which may assume that NaN and infinities do not occur.
TEST(Convert, EveryPatternOfBf16BecomesItsFloatAndComesBack) {
  Table<bfloat16> all(256, 256);
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    all.values[bits] = bfloat16::from_bits(static_cast<std::uint16_t>(bits));
  }
  const Table<float> wide = converted<float>(all);
  const Table<bfloat16> back = converted<bfloat16>(wide);
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(wide.values[bits]), bits << 16);
    const bool is_nan = (bits & 0x7fffU) > 0x7f80U;
    ASSERT_EQ(back.values[bits].bits(), is_nan ? bits | 0x40U : bits);
  }
}

TEST(Convert, RoundsAsTheScalarDoes) {
  // Above, at and below each tie, NaN with payloads from which rounding would carry, and overflow.
  Table<float> table(256, 41);
  std::uint32_t bits = 0;
  for (float& value : table.values) {
    const std::uint32_t lower[] = {0x7fff, 0x8000, 0x8001, 0xffff, 0x0001};
    value = std::bit_cast<float>((bits / 5) * 0x1f0000U + lower[bits % 5]);
    ++bits;
  }
  table(0, 0) = std::bit_cast<float>(0x7fffffffU);
  table(0, 1) = std::bit_cast<float>(0xff800001U);
  table(0, 40) = std::numeric_limits<float>::max();
  const Table<bfloat16> rounded = converted<bfloat16>(table);
  for (std::size_t i = 0; i < table.values.size(); ++i) {
    ASSERT_EQ(rounded.values[i].bits(), bfloat16(table.values[i]).bits()) << table.values[i];
  }
  EXPECT_EQ(rounded(0, 0).bits(), 0x7fff);
  EXPECT_EQ(rounded(0, 1).bits(), 0xffc0);
  EXPECT_EQ(rounded(0, 40).bits(), 0x7f80);
}

TEST(Convert, RowsMayLieApartOnEitherSide) {
  for (const std::int64_t width : support::odd_widths) {
    const auto narrow = random_table<bfloat16>(5, width, 1);
    const auto wide = random_table<float>(5, width, 2);
    const Table<float> widened = converted<float>(narrow, 3, 8);
    const Table<bfloat16> rounded = converted<bfloat16>(wide, 7, 2);
    for (std::size_t i = 0; i < narrow.values.size(); ++i) {
      ASSERT_EQ(widened.values[i], narrow.values[i]);
      ASSERT_EQ(rounded.values[i].bits(), bfloat16(wide.values[i]).bits());
    }
  }
  EXPECT_EQ(converted<float>(Table<bfloat16>(0, 5)).values.size(), 0U);
}

}  // namespace
}  // namespace tidemark::kernels
