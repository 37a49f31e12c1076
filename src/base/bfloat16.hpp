// SPDX-License-Identifier: BSD-3-Clause
// The 16-bit floating-point type with the exponent of fp32 ("brain floating point": Kalamkar et
// al., "A Study of BFLOAT16 for Deep Learning Training", 2019). It is for storage only: arithmetic
// is in float.
#pragma once

#include <bit>
#include <cstdint>

#include "base/host_device.hpp"

namespace tidemark {

/// The upper half of a float. Conversion to float is exact. Conversion from float or double rounds
/// once, to nearest, with ties to even. It overflows to infinity and keeps NaN a NaN.
class bfloat16 {
 public:
  bfloat16() = default;
  TIDEMARK_HOST_DEVICE explicit constexpr bfloat16(float value) : bits_(rounded(value)) {}
  TIDEMARK_HOST_DEVICE explicit constexpr bfloat16(double value)
      : bfloat16(rounded_to_odd(value)) {}

  TIDEMARK_HOST_DEVICE constexpr operator float() const {  // exact, so implicit
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits_) << 16);
  }

  [[nodiscard]] TIDEMARK_HOST_DEVICE constexpr std::uint16_t bits() const { return bits_; }
  [[nodiscard]] static constexpr bfloat16 from_bits(std::uint16_t bits) {
    bfloat16 value(0.0F);
    value.bits_ = bits;
    return value;
  }

 private:
  // Integer arithmetic, because under fast-math a compiler may assume that there is no NaN.
  TIDEMARK_HOST_DEVICE static constexpr std::uint16_t rounded(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t upper = bits >> 16;
    const std::uint32_t nearest = (bits + 0x7fffU + (upper & 1U)) >> 16;
    const bool is_nan = (bits & 0x7fffffffU) > 0x7f800000U;
    return static_cast<std::uint16_t>(is_nan ? upper | 0x40U : nearest);
  }

  // A float on the same side as `value` of every midpoint between two bfloat16 (Boldo and
  // Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to
  // odd", 2008). The nearest float may lie on such a midpoint and would then be rounded a second
  // time.
  TIDEMARK_HOST_DEVICE static constexpr float rounded_to_odd(double value) {
    const auto nearest = static_cast<float>(value);
    const auto bits = std::bit_cast<std::uint32_t>(nearest);
    const bool is_finite = (bits & 0x7f800000U) != 0x7f800000U;
    const auto back = static_cast<double>(nearest);
    if (!is_finite || back == value) return nearest;
    const bool is_beyond = value < 0.0 ? back < value : back > value;
    return std::bit_cast<float>((is_beyond ? bits - 1U : bits) | 1U);
  }

  std::uint16_t bits_;
};

static_assert(sizeof(bfloat16) == 2);

}  // namespace tidemark
