// SPDX-License-Identifier: BSD-3-Clause
#include "memory/pool.hpp"

#include <cstdint>
#include <cstdlib>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace tidemark::memory {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t unit = Pool::alignment;

TEST(Pool, BlocksAreAlignedAndApart) {
  Pool pool;
  std::vector<void*> blocks;
  for (const std::size_t bytes : {1UL, 255UL, 256UL, 257UL, 1000UL, 70000UL}) {
    blocks.push_back(pool.acquire(bytes));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back()) % unit, 0U) << bytes;
  }
  const auto address = [&](std::size_t i) { return static_cast<std::byte*>(blocks[i]); };
  EXPECT_EQ(address(1) - address(0), 256);
  EXPECT_EQ(address(2) - address(1), 256);
  EXPECT_EQ(address(3) - address(2), 256);
  EXPECT_EQ(address(4) - address(3), 512);
  EXPECT_EQ(address(5) - address(4), 1024);
  for (void* block : blocks) pool.release(block);
}

TEST(Pool, RepeatedRequestsDoNotGrowIt) {
  Pool pool;
  std::size_t held = 0;
  std::vector<void*> first_pass;
  for (int pass = 0; pass < 5; ++pass) {
    std::vector<void*> blocks;
    for (const std::size_t bytes : {3 * mebibyte, 5 * unit, mebibyte / 2, 7 * unit}) {
      blocks.push_back(pool.acquire(bytes));
    }
    for (void* block : blocks) pool.release(block);
    if (pass == 0) {
      held = pool.held_bytes();
      first_pass = blocks;
    }
    EXPECT_EQ(pool.held_bytes(), held);
    EXPECT_EQ(blocks, first_pass);
  }
  EXPECT_EQ(held, 4 * mebibyte);
}

TEST(Pool, SmallRequestsShareASegmentLargeOnesGetTheirSize) {
  Pool pool;
  void* small = pool.acquire(1);
  void* other = pool.acquire(1);
  EXPECT_EQ(pool.segments(), 1U);
  EXPECT_EQ(pool.held_bytes(), mebibyte);
  void* large = pool.acquire(5 * mebibyte + 1);
  EXPECT_EQ(pool.segments(), 2U);
  EXPECT_EQ(pool.held_bytes(), 7 * mebibyte);
  for (void* block : {small, other, large}) pool.release(block);
}

TEST(Pool, TakesTheSmallestBlockThatFits) {
  Pool pool;
  void* wide = pool.acquire(8 * unit);
  void* wall = pool.acquire(unit);
  void* narrow = pool.acquire(3 * unit);
  void* second_wall = pool.acquire(unit);
  pool.release(wide);
  pool.release(narrow);
  void* best = pool.acquire(3 * unit);
  EXPECT_EQ(best, narrow);
  void* next = pool.acquire(4 * unit);
  EXPECT_EQ(next, wide);
  for (void* block : {wall, second_wall, best, next}) pool.release(block);
}

TEST(Pool, FreedNeighboursMergeInEitherOrder) {
  // Three blocks fill a segment. If they are freed in any order, one block of their total size must
  // fit.
  const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const auto& order : orders) {
    Pool pool;
    void* blocks[3] = {pool.acquire(mebibyte / 4), pool.acquire(mebibyte / 4),
                       pool.acquire(mebibyte / 2)};
    for (const int which : order) pool.release(blocks[which]);
    void* whole = pool.acquire(mebibyte);
    EXPECT_EQ(whole, blocks[0]) << order[0] << order[1] << order[2];
    EXPECT_EQ(pool.segments(), 1U);
    pool.release(whole);
  }
}

TEST(Pool, BlocksInUseKeepTheirNeighboursApart) {
  Pool pool;
  void* left = pool.acquire(mebibyte / 4);
  void* middle = pool.acquire(mebibyte / 2);
  void* right = pool.acquire(mebibyte / 4);
  pool.release(left);
  pool.release(right);
  void* half = pool.acquire(mebibyte / 2);
  EXPECT_EQ(pool.segments(), 2U);
  pool.release(middle);
  pool.release(half);
}

TEST(Pool, SegmentsNeverMerge) {
  Pool pool;
  void* first = pool.acquire(mebibyte);
  void* second = pool.acquire(mebibyte);
  ASSERT_EQ(pool.segments(), 2U);
  pool.release(first);
  pool.release(second);
  void* both = pool.acquire(2 * mebibyte);
  EXPECT_EQ(pool.segments(), 3U);
  EXPECT_EQ(pool.held_bytes(), 4 * mebibyte);
  pool.release(both);
}

TEST(Pool, NothingNeedsNoMemory) {
  Pool pool;
  EXPECT_EQ(pool.acquire(0), nullptr);
  EXPECT_EQ(pool.held_bytes(), 0U);
  EXPECT_NO_THROW(pool.release(nullptr));
}

TEST(Pool, RefusesWhatItDidNotHandOut) {
  Pool pool;
  Pool other;
  auto* block = static_cast<std::byte*>(pool.acquire(4 * unit));
  void* foreign = other.acquire(unit);
  int local = 0;
  EXPECT_THROW(pool.release(&local), BrokenInvariant);
  EXPECT_THROW(pool.release(foreign), BrokenInvariant);
  EXPECT_THROW(pool.release(block + unit), BrokenInvariant);      // inside a block
  EXPECT_THROW(pool.release(block + 4 * unit), BrokenInvariant);  // the free rest of the segment
  pool.release(block);
  EXPECT_THROW(pool.release(block), BrokenInvariant);
  other.release(foreign);
}

TEST(Pool, GivesEverythingBackOnlyWhenNothingIsInUse) {
  Pool pool;
  void* block = pool.acquire(3 * mebibyte);
  EXPECT_THROW(pool.release_all(), BrokenInvariant);
  EXPECT_EQ(pool.held_bytes(), 3 * mebibyte);
  pool.release(block);
  pool.release_all();
  EXPECT_EQ(pool.held_bytes(), 0U);
  EXPECT_EQ(pool.segments(), 0U);
  void* again = pool.acquire(unit);
  EXPECT_EQ(pool.held_bytes(), mebibyte);
  pool.release(again);
}

TEST(Pool, MoreThanThereIsEndsInOneLineWithTheNumber) {
  Pool pool;
  const std::size_t absurd = std::size_t{1} << 60;
  try {
    (void)pool.acquire(absurd);
    FAIL() << "an exbibyte was granted";
  } catch (const RunError& error) {
    EXPECT_NE(std::string(error.what()).find(std::to_string(absurd)), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(pool.held_bytes(), 0U);
}

TEST(Pool, TakesItsSegmentsFromTheSourceThatItIsGivenAndReturnsThem) {
  std::map<void*, std::size_t> lent;
  std::size_t left = 8 * mebibyte;
  MemorySource source;
  source.unit = 4 * mebibyte;
  source.allocate = [&](std::size_t bytes) -> void* {
    if (bytes > left) return nullptr;
    left -= bytes;
    void* const memory = std::malloc(bytes);
    lent[memory] = bytes;
    return memory;
  };
  source.release = [&](void* memory) {
    EXPECT_EQ(lent.erase(memory), 1U);
    std::free(memory);
  };
  {
    Pool pool(source);
    void* const first = pool.acquire(5);
    void* const second = pool.acquire(4 * mebibyte - 256);  // fits in the same segment
    EXPECT_EQ(pool.segments(), 1U);
    EXPECT_TRUE(lent.contains(first));
    void* const third = pool.acquire(1);
    EXPECT_EQ(pool.held_bytes(), 8 * mebibyte);
    EXPECT_EQ(left, 0U);
    EXPECT_THROW((void)pool.acquire(4 * mebibyte), RunError);
    for (void* block : {first, second, third}) pool.release(block);
  }
  EXPECT_TRUE(lent.empty());
}

TEST(Pool, ShowsAllThatIsHeldAndNotInUse) {
  Pool pool;
  void* const kept = pool.acquire(1000);
  void* const given_back = pool.acquire(5000);
  pool.release(given_back);
  std::size_t free_bytes = 0;
  pool.for_each_free([&](void* block, std::size_t bytes) {
    EXPECT_NE(block, kept);
    free_bytes += bytes;
  });
  EXPECT_EQ(free_bytes, pool.held_bytes() - 1024);  // 1000 in units of 256
  pool.release(kept);
}

}  // namespace
}  // namespace tidemark::memory
