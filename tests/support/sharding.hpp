// SPDX-License-Identifier: BSD-3-Clause
// The shardings of a layer, for tests that go through all of them.
#pragma once

#include <array>
#include <ostream>

namespace tidemark::support {

enum class Sharding {
  tensor,                    ///< TP
  sequence,                  ///< TP+SP
  sequence_keeping_gathered  ///< TP+SP with parallel.keep_gathered
};

inline constexpr std::array all_shardings{Sharding::tensor, Sharding::sequence,
                                          Sharding::sequence_keeping_gathered};

constexpr bool is_sequence(Sharding sharding) { return sharding != Sharding::tensor; }
constexpr bool keeps_gathered(Sharding sharding) {
  return sharding == Sharding::sequence_keeping_gathered;
}

inline std::ostream& operator<<(std::ostream& stream, Sharding sharding) {
  return stream << (!is_sequence(sharding)      ? "TP"
                    : !keeps_gathered(sharding) ? "TP+SP"
                                                : "TP+SP keep");
}

}  // namespace tidemark::support
