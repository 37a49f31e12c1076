// SPDX-License-Identifier: BSD-3-Clause
// Memory as plain functions, so that its users need not know where it comes from.
#pragma once

#include <cstddef>
#include <functional>

namespace tidemark {

/// Hands out memory, and takes it back.
struct MemorySource {
  /// Returns at least `bytes` bytes; null if there is not enough. Throws RunError on any other
  /// failure.
  std::function<void*(std::size_t bytes)> allocate;
  /// Takes back what `allocate` gave. Does not throw.
  std::function<void(void* memory)> release;
  /// `allocate` silently rounds each size up to a multiple of this.
  std::size_t unit = 1;
};

}  // namespace tidemark
