// SPDX-License-Identifier: BSD-3-Clause
#include "memory/pool.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/accelerator.hpp"
#include "base/error.hpp"

namespace tidemark::memory {

namespace {

std::size_t round_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// Small requests share a segment. A large request gets a segment of its own size, so that little
// memory is unused.
constexpr std::size_t segment_unit = std::size_t{1} << 20;

/// Segments one after the other, at addresses that are not 0.
MemorySource dry_run_memory() {
  const auto allocate = [end = std::uintptr_t{1} << 20](std::size_t bytes) mutable {
    return reinterpret_cast<void*>(std::exchange(end, end + bytes));
  };
  return {allocate, [](void*) {}};
}

}  // namespace

MemorySource Pool::device_memory() { return {accelerator::allocate, accelerator::release}; }

Pool::Pool(Source source) : Pool(source == Source::device ? device_memory() : dry_run_memory()) {}

Pool::Pool(MemorySource source) : source_(std::move(source)) {}

Pool::~Pool() { free_segments(); }

void* Pool::acquire(std::size_t bytes) {
  if (bytes == 0) {
    return nullptr;
  }
  bytes = round_up(bytes, granule);
  auto best = best_fit(bytes);
  if (best == blocks_.end()) {
    best = grow(bytes);
  }
  set_free(best, false);
  split(best, bytes);
  ++in_use_;
  return best->first;
}

void Pool::release(void* pointer) {
  if (pointer == nullptr) {
    return;
  }
  auto block = blocks_.find(static_cast<std::byte*>(pointer));
  TIDEMARK_REQUIRE(block != blocks_.end() && !block->second.free,
                   "block does not belong to this pool");
  --in_use_;
  const auto is_free_neighbour = [&](Blocks::iterator other) {
    return other->second.free && other->second.segment == block->second.segment;
  };
  if (const auto next = std::next(block); next != blocks_.end() && is_free_neighbour(next)) {
    set_free(next, false);
    block->second.bytes += next->second.bytes;
    blocks_.erase(next);
  }
  if (block != blocks_.begin() && is_free_neighbour(std::prev(block))) {
    const auto before = std::prev(block);
    set_free(before, false);
    before->second.bytes += block->second.bytes;
    blocks_.erase(block);
    block = before;
  }
  set_free(block, true);
}

void Pool::release_all() {
  TIDEMARK_REQUIRE(in_use_ == 0, fmt::format("{} blocks are still in use", in_use_));
  free_segments();
  segments_.clear();
  blocks_.clear();
  by_size_.clear();
  held_ = 0;
}

void Pool::for_each_free(const std::function<void(void*, std::size_t)>& show) const {
  for (const auto& [address, block] : blocks_) {
    if (block.free) show(address, block.bytes);
  }
}

// The smallest free block that is large enough.
Pool::Blocks::iterator Pool::best_fit(std::size_t bytes) {
  const auto found = by_size_.lower_bound({bytes, 0, nullptr});
  return found == by_size_.end() ? blocks_.end() : blocks_.find(std::get<std::byte*>(*found));
}

Pool::Order Pool::order_of(Blocks::iterator block) {
  return {block->second.bytes, block->second.segment, block->first};
}

void Pool::set_free(Blocks::iterator block, bool free) {
  block->second.free = free;
  if (free) {
    by_size_.insert(order_of(block));
  } else {
    by_size_.erase(order_of(block));
  }
}

void Pool::free_segments() {
  for (void* segment : segments_) {
    source_.release(segment);
  }
}

Pool::Blocks::iterator Pool::grow(std::size_t bytes) {
  const std::size_t segment_bytes = round_up(bytes, std::max(segment_unit, source_.unit));
  auto* begin = static_cast<std::byte*>(source_.allocate(segment_bytes));
  if (begin == nullptr) {
    throw RunError(
        fmt::format("out of memory: the device refused {} bytes for activations", segment_bytes));
  }
  segments_.push_back(begin);
  held_ += segment_bytes;
  const auto block = blocks_.emplace(begin, Block{segment_bytes, true, segments_.size() - 1}).first;
  set_free(block, true);
  return block;
}

// Keeps the first `bytes` of a block in use, and frees the rest.
void Pool::split(Blocks::iterator block, std::size_t bytes) {
  const std::size_t rest = block->second.bytes - bytes;
  if (rest == 0) {
    return;
  }
  block->second.bytes = bytes;
  set_free(blocks_.emplace(block->first + bytes, Block{rest, false, block->second.segment}).first,
           true);
}

}  // namespace tidemark::memory
