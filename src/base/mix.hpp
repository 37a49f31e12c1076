// SPDX-License-Identifier: BSD-3-Clause
// Numbers that look random, computed from places and words.
#pragma once

#include <cstdint>

#include "base/host_device.hpp"

namespace tidemark {

/// 2^64 over the golden ratio: the step of splitmix64.
inline constexpr std::uint64_t golden_step = 0x9e3779b97f4a7c15ULL;

/// The finaliser of splitmix64 (Steele, Lea, Flood, OOPSLA'14).
TIDEMARK_HOST_DEVICE inline std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace tidemark
