// SPDX-License-Identifier: BSD-3-Clause
// The pool of a dry run would hold what the same pool holds on a device.
#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "base/device.hpp"
#include "base/error.hpp"
#include "memory/pool.hpp"

namespace tidemark::memory {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

/// Blocks of few different sizes, so that often several free ones fit equally well. They are small,
/// near the size of a segment, or larger. A device need not place their segments one after the
/// other.
std::size_t random_bytes(std::mt19937& random) {
  constexpr std::size_t sizes[] = {
      1,        256,          257,          5000,         40000,           70000,
      mebibyte, mebibyte / 4, mebibyte / 4, mebibyte / 2, mebibyte / 2,    mebibyte - 256,
      mebibyte, mebibyte + 1, 2 * mebibyte, 3 * mebibyte, 5 * mebibyte / 2};
  return sizes[random() % std::size(sizes)];
}

/// Leaves holes in the device's memory, so that new segments are in no particular order.
class ScatteredMemory {
 public:
  ScatteredMemory() {
    std::mt19937 random(1);
    std::vector<void*> holes;
    for (int i = 0; i < 64; ++i) {
      holes.push_back(Kokkos::kokkos_malloc<MemorySpace>((1 + random() % 5) * mebibyte + 4096));
      pins_.push_back(Kokkos::kokkos_malloc<MemorySpace>(64));
    }
    std::shuffle(holes.begin(), holes.end(), random);
    for (void* const hole : holes) Kokkos::kokkos_free<MemorySpace>(hole);
  }
  ~ScatteredMemory() {
    for (void* const pin : pins_) Kokkos::kokkos_free<MemorySpace>(pin);
  }
  ScatteredMemory(const ScatteredMemory&) = delete;
  ScatteredMemory& operator=(const ScatteredMemory&) = delete;

 private:
  std::vector<void*> pins_;
};

TEST(DryRunPool, HoldsToTheByteWhatTheDevicesHolds) {
  const ScatteredMemory scattered;
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    Pool real;
    Pool planned(Pool::Source::dry_run);
    struct Pair {
      void* real;
      void* planned;
    };
    std::vector<Pair> live;
    for (int i = 0; i < 500; ++i) {
      if (live.empty() || random() % 9 < 5) {
        const std::size_t bytes = random_bytes(random);
        live.push_back({real.acquire(bytes), planned.acquire(bytes)});
      } else {
        std::swap(live[random() % live.size()], live.back());
        real.release(live.back().real);
        planned.release(live.back().planned);
        live.pop_back();
      }
      ASSERT_EQ(planned.held_bytes(), real.held_bytes()) << "seed " << seed << ", request " << i;
      ASSERT_EQ(planned.segments(), real.segments());
    }
    for (const Pair& pair : live) {
      real.release(pair.real);
      planned.release(pair.planned);
    }
  }
}

TEST(DryRunPool, BlocksAreApartAndAligned) {
  Pool pool(Pool::Source::dry_run);
  struct Range {
    std::uintptr_t begin, end;
  };
  std::vector<Range> ranges;
  std::mt19937 random(3);
  for (int i = 0; i < 100; ++i) {
    const std::size_t bytes = random_bytes(random);
    const auto begin = reinterpret_cast<std::uintptr_t>(pool.acquire(bytes));
    EXPECT_NE(begin, 0U);
    EXPECT_EQ(begin % Pool::alignment, 0U);
    ranges.push_back({begin, begin + bytes});
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& one, const Range& other) { return one.begin < other.begin; });
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    EXPECT_LE(ranges[i - 1].end, ranges[i].begin);
  }
}

// This is more than any machine has. Nothing allocates it.
TEST(DryRunPool, HoldsWhatNoDeviceCould) {
  Pool pool(Pool::Source::dry_run);
  const std::size_t pebibyte = std::size_t{1} << 50;
  void* const first = pool.acquire(pebibyte);
  void* const second = pool.acquire(3 * pebibyte);
  EXPECT_EQ(pool.held_bytes(), 4 * pebibyte);
  pool.release(first);
  EXPECT_EQ(pool.acquire(pebibyte), first);
  pool.release(first);
  pool.release(second);
  EXPECT_EQ(pool.held_bytes(), 4 * pebibyte);
  pool.release_all();
  EXPECT_EQ(pool.held_bytes(), 0U);
}

TEST(DryRunPool, RefusesWhatItDidNotHandOut) {
  Pool pool(Pool::Source::dry_run);
  void* const block = pool.acquire(1000);
  EXPECT_THROW(pool.release(static_cast<std::byte*>(block) + 256), BrokenInvariant);
  pool.release(block);
  EXPECT_THROW(pool.release(block), BrokenInvariant);
  EXPECT_EQ(pool.acquire(0), nullptr);
}

}  // namespace
}  // namespace tidemark::memory
