// The scratch memory of own algorithms: who holds how much of it, in a run and a dry run alike.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "comm/algorithms/memory_block.hpp"

namespace tidemark::comm {

/// Keeps blocks of one size, the largest that a call has asked for, so that what it holds depends
/// on two numbers alone: that size, and the most calls that had a block at one moment. The order of
/// the calls makes no difference once all of them have been made. Not thread-safe.
class ScratchPool {
 public:
  explicit ScratchPool(MemorySource memory) : memory_(std::move(memory)) {}

  /// A block of at least `bytes` bytes; an empty one for 0. Throws RunError where memory is short.
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

  /// Takes back what `take` gave.
  void give_back(MemoryBlock block) {
    if (block.size() == 0) return;
    --taken_;
    if (block.size() == size_) {
      spare_.push_back(std::move(block));
    } else {
      held_ -= block.size();  // from before a larger call, or before `forget`
    }
  }

  /// Frees what no call uses, and begins anew.
  void forget() {
    drop_spare();
    size_ = 0;
    most_taken_ = taken_;
  }

  /// Bytes held from the source, in use or spare.
  [[nodiscard]] std::int64_t held_bytes() const { return static_cast<std::int64_t>(held_); }
  /// Bytes that are held once the same calls have been made a second time.
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
  std::size_t size_ = 0;  ///< bytes of every block that is kept
  std::size_t held_ = 0;
  std::size_t taken_ = 0;  ///< blocks
  std::size_t most_taken_ = 0;
};

}  // namespace tidemark::comm
