// SPDX-License-Identifier: BSD-3-Clause
// The allocator under the ledger. It keeps memory of the device and reuses it.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "base/memory_source.hpp"

namespace tidemark::memory {

/// Best-fit allocator with coalescing over segments of device memory.
///
/// It allocates a segment on the device if no free block fits. The segment stays until
/// `release_all` or the destructor. So a step that repeats allocates nothing from the system. Not
/// thread-safe: use one pool per rank.
class Pool {
 public:
  /// The source of segments. In a dry run they are addresses that must not be accessed. The pool
  /// then tells how many bytes it would hold, for any device.
  enum class Source { device, dry_run };

  explicit Pool(Source source = Source::device);
  /// Takes segments from `source`, which must be usable during the pool's lifetime.
  explicit Pool(MemorySource source);

  /// The memory of Source::device.
  static MemorySource device_memory();
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Returns a block of at least `bytes` bytes, aligned to `alignment`; nullptr for 0 bytes. Throws
  /// RunError if the device has no memory left, and the errors of the source.
  [[nodiscard]] void* acquire(std::size_t bytes);

  /// Frees a block. `block` must come from `acquire` of this pool; nullptr is ignored.
  void release(void* block);

  /// Returns every segment to the device. No block may be in use.
  void release_all();

  /// Calls `show` for every free block.
  void for_each_free(const std::function<void(void* block, std::size_t bytes)>& show) const;

  /// Bytes held from the device, in use or not: the sum of all requests to the source.
  [[nodiscard]] std::size_t held_bytes() const { return held_; }
  [[nodiscard]] std::size_t segments() const { return segments_.size(); }

  static constexpr std::size_t alignment = 64;  ///< of every block, as Kokkos's own on a host
  /// Blocks start at multiples of this in their segment. So they keep a stronger alignment of the
  /// device, such as 256 bytes of CUDA.
  static constexpr std::size_t granule = 256;

 private:
  struct Block {
    std::size_t bytes;
    bool free;
    std::size_t segment;  ///< blocks of different segments are never merged
  };
  using Blocks = std::map<std::byte*, Block>;
  /// Bytes, segment, address. Of equal blocks, the one in the oldest segment comes first,
  /// independent of device addresses. So the pool of a dry run chooses the same blocks.
  using Order = std::tuple<std::size_t, std::size_t, std::byte*>;

  Blocks::iterator grow(std::size_t bytes);
  Blocks::iterator best_fit(std::size_t bytes);
  void split(Blocks::iterator block, std::size_t bytes);
  void set_free(Blocks::iterator block, bool free);
  [[nodiscard]] static Order order_of(Blocks::iterator block);
  void free_segments();

  MemorySource source_;
  Blocks blocks_;            ///< every block, by address
  std::set<Order> by_size_;  ///< the free blocks
  std::vector<void*> segments_;
  std::size_t held_ = 0;
  std::size_t in_use_ = 0;  ///< number of blocks in use
};

}  // namespace tidemark::memory
