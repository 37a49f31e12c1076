// SPDX-License-Identifier: BSD-3-Clause
// exp for the inner loops of kernels.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "base/device.hpp"

namespace tidemark::kernels {

/// exp(x) for finite x between -87 and 88; the nearer bound's value for other finite x; NaN for an
/// x that is not finite. The relative error is below 3e-7. On a host a compiler puts it into vector
/// loops without a call, where libmvec's function takes three times as long.
///
/// Cody and Waite's reduction ("Software Manual for the Elementary Functions", 1980): x = n ln 2 +
/// r with |r| <= ln 2 / 2, and exp(x) = 2^n exp(r). exp(r) is its Taylor polynomial of degree 7,
/// whose first term that is left out is below 6e-9.
KOKKOS_INLINE_FUNCTION float exponential(float x) {
  if constexpr (!runs_on_host) return std::exp(x);
  constexpr float lowest = -87.0F;
  constexpr float highest = 88.0F;
  constexpr float log2_e = 1.44269504F;
  // ln 2 in two parts. The first has few bits, so that its product with n is exact.
  constexpr float ln2_high = 0.693359375F;
  constexpr float ln2_low = -2.12194440e-4F;
  const float bounded = x < highest ? (x > lowest ? x : lowest) : highest;
  const float n = std::nearbyint(bounded * log2_e);
  const float r = (bounded - n * ln2_high) - n * ln2_low;
  float p = 1.0F / 5040.0F;
  p = p * r + 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  constexpr int exponent_bias = 127;
  constexpr int mantissa_bits = 23;
  const auto power = std::bit_cast<float>(
      static_cast<std::uint32_t>(static_cast<std::int32_t>(n) + exponent_bias) << mantissa_bits);
  // Integers, because under fast-math a compiler may assume that x is finite. Where the magnitude is
  // not below infinity, the shift makes all bits ones, which is a NaN.
  constexpr std::int32_t largest_finite = 0x7f7fffff;
  const auto magnitude = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(x) & 0x7fffffffU);
  const auto spoiled = static_cast<std::uint32_t>((largest_finite - magnitude) >> 31);
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p * power) | spoiled);
}

/// exp(x) of the math library.
KOKKOS_INLINE_FUNCTION double exponential(double x) { return std::exp(x); }

}  // namespace tidemark::kernels
