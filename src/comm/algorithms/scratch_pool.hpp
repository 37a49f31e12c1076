// SPDX-License-Identifier: BSD-3-Clause
// The scratch memory of own algorithms: how much of it is held, in a run and in a dry run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "comm/algorithms/memory_block.hpp"

namespace tidemark::comm {

/// Keeps blocks of one size, the largest that a call has needed. The memory that it holds depends
/// on two numbers only: that size, and the largest number of calls that held a block at the same
/// moment. The order of the calls makes no difference after all of them have been made. Not
/// thread-safe.
class ScratchPool {
 public:
  explicit ScratchPool(MemorySource memory) : memory_(std::move(memory)) {}

  /// A block of at least `bytes` bytes; empty for 0. Throws RunError if memory is short.
  [[nodiscard]] MemoryBlock take(std::size_t bytes) {
    if (bytes == 0) return {};
    if (bytes > size_) {
      drop_spare();
      size_ = bytes;
    }
    most_taken_ = std::max(most_taken_, ++taken_);
    if (!spare_.empty()) {
      MemoryBlock block = std::move(spare_.back());
      spare_.pop_back();
      return block;
    }
    MemoryBlock block(memory_, size_);
    held_ += size_;
    return block;
  }

  /// Takes back a block that `take` returned.
  void give_back(MemoryBlock block) {
    if (block.size() == 0) return;
    --taken_;
    if (block.size() == size_) {
      spare_.push_back(std::move(block));
    } else {
      held_ -= block.size();  // taken before a larger call, or before `forget`
    }
  }

  /// Frees all blocks that no call uses, and starts again with the size.
  void forget() {
    drop_spare();
    size_ = 0;
    most_taken_ = taken_;
  }

  /// Bytes held from the source, in use or spare.
  [[nodiscard]] std::int64_t held_bytes() const { return static_cast<std::int64_t>(held_); }
  /// Bytes that are held after the same calls have been made a second time.
  [[nodiscard]] std::int64_t needed_bytes() const {
    return static_cast<std::int64_t>(size_ * most_taken_);
  }

 private:
  void drop_spare() {
    for (const MemoryBlock& block : spare_) held_ -= block.size();
    spare_.clear();
  }

  MemorySource memory_;
  std::vector<MemoryBlock> spare_;
  std::size_t size_ = 0;  ///< bytes of each block that is kept
  std::size_t held_ = 0;
  std::size_t taken_ = 0;  ///< number of blocks in use
  std::size_t most_taken_ = 0;
};

}  // namespace tidemark::comm
