// SPDX-License-Identifier: BSD-3-Clause
// Memory as plain functions: who takes some need not know who hands it out.
#pragma once

#include <cstddef>
#include <functional>

namespace tidemark {

/// Hands out memory, and takes it back.
struct MemorySource {
  /// At least `bytes` bytes; null where there is not enough. Throws RunError where it fails
  /// otherwise.
  std::function<void*(std::size_t bytes)> allocate;
  /// Takes back what `allocate` gave. Does not throw.
  std::function<void(void* memory)> release;
  /// Other sizes than multiples of this would be rounded up to one, unseen.
  std::size_t unit = 1;
};

}  // namespace tidemark
