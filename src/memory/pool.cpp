#include "memory/pool.hpp"

#include <exception>
#include <iterator>

#include <fmt/format.h>

#include "base/device.hpp"
#include "base/error.hpp"

namespace tidemark::memory {

namespace {

std::size_t round_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// Small requests share a segment; a large one gets its own size, so that little lies idle.
constexpr std::size_t segment_unit = std::size_t{1} << 20;

void* device_malloc(std::size_t bytes) {
  try {
    return Kokkos::kokkos_malloc<MemorySpace>("tidemark activations", bytes);
  } catch (const std::exception&) {
    throw RunError(
        fmt::format("out of memory: the device refused {} bytes for activations", bytes));
  }
}

}  // namespace

Pool::~Pool() {
  for (void* segment : segments_) {
    Kokkos::kokkos_free<MemorySpace>(segment);
  }
}

void* Pool::acquire(std::size_t bytes) {
  if (bytes == 0) {
    return nullptr;
  }
  bytes = round_up(bytes, granule);
  auto best = blocks_.end();
  for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
    const bool fits = block->second.free && block->second.bytes >= bytes;
    if (fits && (best == blocks_.end() || block->second.bytes < best->second.bytes)) {
      best = block;
    }
  }
  if (best == blocks_.end()) {
    best = grow(bytes);
  }
  split(best, bytes);
  best->second.free = false;
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
  block->second.free = true;
  --in_use_;
  const auto merge_into = [this](Blocks::iterator left, Blocks::iterator right) {
    const bool neighbours =
        left->second.free && right->second.free && left->second.segment == right->second.segment;
    if (!neighbours) {
      return false;
    }
    left->second.bytes += right->second.bytes;
    blocks_.erase(right);
    return true;
  };
  if (const auto next = std::next(block); next != blocks_.end()) {
    merge_into(block, next);
  }
  if (block != blocks_.begin()) {
    merge_into(std::prev(block), block);
  }
}

void Pool::release_all() {
  TIDEMARK_REQUIRE(in_use_ == 0, fmt::format("{} blocks are still in use", in_use_));
  for (void* segment : segments_) {
    Kokkos::kokkos_free<MemorySpace>(segment);
  }
  segments_.clear();
  blocks_.clear();
  held_ = 0;
}

Pool::Blocks::iterator Pool::grow(std::size_t bytes) {
  const std::size_t segment_bytes = round_up(bytes, segment_unit);
  auto* begin = static_cast<std::byte*>(device_malloc(segment_bytes));
  segments_.push_back(begin);
  held_ += segment_bytes;
  return blocks_.emplace(begin, Block{segment_bytes, true, segments_.size() - 1}).first;
}

void Pool::split(Blocks::iterator block, std::size_t bytes) {
  const std::size_t rest = block->second.bytes - bytes;
  if (rest == 0) {
    return;
  }
  blocks_.emplace(block->first + bytes, Block{rest, true, block->second.segment});
  block->second.bytes = bytes;
}

}  // namespace tidemark::memory
