// SPDX-License-Identifier: BSD-3-Clause
// exp for the inner loops of kernels.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "base/device.hpp"

namespace tidemark::kernels {

/// a - b, which fast-math does not regroup with what is around it, where the compiler has a way to
/// say so.
KOKKOS_INLINE_FUNCTION float difference_as_written(float a, float b) {
#if defined(__has_builtin)
#if __has_builtin(__builtin_assoc_barrier)
  return __builtin_assoc_barrier(a - b);
#endif
#endif
  return a - b;
}

/// exp(x) for finite x from -87 to 88. A lower x gives 0 from about -87.7 on, and a higher one
/// exp(88). An x that is not finite gives NaN. The relative error is below 4e-7, and below 5e-6
/// where the processor has no fused multiply-add and the compiler regroups differences. On a host a
/// compiler puts it into vector loops without a call, where libmvec's function takes three times as
/// long.
///
/// Cody and Waite's reduction ("Software Manual for the Elementary Functions", 1980): x = n ln 2 +
/// r with |r| <= ln 2 / 2, and exp(x) = 2^n exp(r). exp(r) is its Taylor polynomial of degree 7,
/// whose first term that is left out is below 6e-9.
KOKKOS_INLINE_FUNCTION float exponential(float x) {
  if constexpr (!runs_on_host) return std::exp(x);
  constexpr float lowest = -88.0F;  // n is -127 there, and the bits of 2^n are those of 0
  constexpr float highest = 88.0F;
  constexpr float log2_e = 1.44269504F;
  // ln 2 in two parts. The first has few bits, so that its product with n is exact.
  constexpr float ln2_high = 0.693359375F;
  constexpr float ln2_low = -2.12194440e-4F;
  const float bounded = x < highest ? (x > lowest ? x : lowest) : highest;
  const float n = std::nearbyint(bounded * log2_e);
  const float r = difference_as_written(bounded, n * ln2_high) - n * ln2_low;
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
  const auto exponent = static_cast<std::uint32_t>(static_cast<std::int32_t>(n) + exponent_bias);
  const auto power = std::bit_cast<float>(exponent << mantissa_bits);
  // Integers, because under fast-math a compiler may assume that x is finite. Where the magnitude
  // is not below infinity, the shift makes all bits ones, which is a NaN.
  constexpr std::int32_t largest_finite = 0x7f7fffff;
  const auto magnitude = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(x) & 0x7fffffffU);
  const auto spoiled = static_cast<std::uint32_t>((largest_finite - magnitude) >> 31);
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p * power) | spoiled);
}

/// exp(x) of the math library.
KOKKOS_INLINE_FUNCTION double exponential(double x) { return std::exp(x); }

/// x[j] = exp((x[j] - highest) scale) for the elements [0, count) of a row, by the lanes of a team.
/// Returns the sum of the results to every lane.
template <class F>
KOKKOS_INLINE_FUNCTION F exponentiate_row(const TeamMember& team, F* x, int count, F highest,
                                          F scale) {
  // Two loops on copies, because x may alias the sum for all that the compiler knows.
  Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, count),
                       [=](const int j) { x[j] = exponential((x[j] - highest) * scale); });
  F sum = F(0);
  Kokkos::parallel_reduce(
      Kokkos::ThreadVectorRange(team, count), [=](const int j, F& part) { part += x[j]; }, sum);
  return sum;
}

}  // namespace tidemark::kernels
