// SPDX-License-Identifier: BSD-3-Clause
// Positions of a sequence, one after the other.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tidemark::model {

/// Positions [first, first + count) of a sequence.
struct Positions {
  std::int64_t first;
  std::int64_t count;
};

/// Calls `use` for each part of the positions, cut where blocks of so many positions begin.
template <class Use>
void for_each_block(const Positions& positions, std::int64_t block, const Use& use) {
  const std::int64_t end = positions.first + positions.count;
  for (std::int64_t first = positions.first; first < end;) {
    const std::int64_t next = std::min(end, (first / block + 1) * block);
    use(Positions{first, next - first});
    first = next;
  }
}

}  // namespace tidemark::model
