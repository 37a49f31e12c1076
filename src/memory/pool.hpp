// The allocator under the ledger: keeps what it got from the device and hands it out again.
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
/// A segment comes from the device when no free block fits and stays until `release_all` or the
/// destructor, so a step that repeats asks the system for nothing. Not thread-safe: one pool a
/// rank.
class Pool {
 public:
  /// Where segments come from. In a dry run they are addresses that nobody may touch: the pool then
  /// tells what it would hold, of any device.
  enum class Source { device, dry_run };

  explicit Pool(Source source = Source::device);
  /// From elsewhere; `source` must be usable as long as the pool lives.
  explicit Pool(MemorySource source);

  /// The memory of Source::device.
  static MemorySource device_memory();
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// A block of at least `bytes` bytes, aligned to `alignment`; throws RunError where the device
  /// has no memory left, or as the source does. A request of 0 bytes returns nullptr.
  [[nodiscard]] void* acquire(std::size_t bytes);

  /// Gives a block back; `block` must come from `acquire` of this pool (nullptr is ignored).
  void release(void* block);

  /// Returns every segment to the device; no block may be in use.
  void release_all();

  /// Shows every block that is not in use.
  void for_each_free(const std::function<void(void* block, std::size_t bytes)>& show) const;

  /// Bytes held from the device, in use or not: as many as were asked of the source.
  [[nodiscard]] std::size_t held_bytes() const { return held_; }
  [[nodiscard]] std::size_t segments() const { return segments_.size(); }

  static constexpr std::size_t alignment = 64;  ///< of every block: Kokkos's own on a host
  /// Blocks start at multiples of this in their segment, so that what the device aligns better
  /// (CUDA to 256 bytes) stays so.
  static constexpr std::size_t granule = 256;

 private:
  struct Block {
    std::size_t bytes;
    bool free;
    std::size_t segment;  ///< blocks of different segments never merge
  };
  using Blocks = std::map<std::byte*, Block>;
  /// Bytes, segment, address: of equal blocks the one in the oldest segment comes first, wherever
  /// the device put that, so that the pool of a dry run chooses alike.
  using Order = std::tuple<std::size_t, std::size_t, std::byte*>;

  Blocks::iterator grow(std::size_t bytes);
  Blocks::iterator best_fit(std::size_t bytes);
  void split(Blocks::iterator block, std::size_t bytes);
  void set_free(Blocks::iterator block, bool free);
  [[nodiscard]] static Order order_of(Blocks::iterator block);
  void free_segments();

  MemorySource source_;
  Blocks blocks_;            ///< every block, by address
  std::set<Order> by_size_;  ///< the free ones
  std::vector<void*> segments_;
  std::size_t held_ = 0;
  std::size_t in_use_ = 0;  ///< number of blocks handed out
};

}  // namespace tidemark::memory
