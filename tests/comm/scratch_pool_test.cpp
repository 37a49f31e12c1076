// SPDX-License-Identifier: BSD-3-Clause
#include "comm/algorithms/scratch_pool.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tidemark::comm {
namespace {

/// Counts the blocks that are allocated and not released.
struct Source {
  std::size_t blocks = 0;
  MemorySource memory() {
    return {[this](std::size_t bytes) {
              ++blocks;
              return host_memory.allocate(bytes);
            },
            [this](void* block) {
              --blocks;
              host_memory.release(block);
            }};
  }
};

TEST(ScratchPool, HandsBlocksOutAgain) {
  Source source;
  ScratchPool pool(source.memory());
  EXPECT_EQ(pool.take(0).size(), 0U);
  EXPECT_EQ(source.blocks, 0U);
  MemoryBlock first = pool.take(100);
  MemoryBlock second = pool.take(40);
  EXPECT_NE(first.data(), second.data());
  EXPECT_GE(second.size(), 40U);
  EXPECT_EQ(pool.held_bytes(), 200);
  std::byte* const place = first.data();
  pool.give_back(std::move(first));
  EXPECT_EQ(pool.held_bytes(), 200) << "spare memory is held, too";
  EXPECT_EQ(pool.take(60).data(), place);
  EXPECT_EQ(source.blocks, 1U) << "the block that was just dropped was not given back";
}

TEST(ScratchPool, ReplacesBlocksThatHaveBecomeTooSmall) {
  Source source;
  ScratchPool pool(source.memory());
  MemoryBlock small = pool.take(10);
  pool.give_back(pool.take(10));
  MemoryBlock large = pool.take(50);
  EXPECT_EQ(pool.held_bytes(), 10 + 50);
  pool.give_back(std::move(small));
  EXPECT_EQ(pool.held_bytes(), 50);
  pool.give_back(std::move(large));
  EXPECT_EQ(pool.held_bytes(), 50);
  EXPECT_EQ(source.blocks, 1U);
}

/// Takes blocks and gives them back. A positive number takes a block of so many bytes. A negative
/// number -n gives back the n-th last of the blocks that are taken.
void go_through(ScratchPool& pool, const std::vector<int>& events) {
  std::vector<MemoryBlock> taken;
  for (const int event : events) {
    if (event > 0) {
      taken.push_back(pool.take(static_cast<std::size_t>(event)));
    } else {
      const auto which = taken.end() + event;
      pool.give_back(std::move(*which));
      taken.erase(which);
    }
  }
  EXPECT_TRUE(taken.empty());
}

// The order must not matter, because a run goes through its variants in changing order.
TEST(ScratchPool, HoldsTheLargestBlockAsOftenAsCallsAreUnderWayInAnyOrder) {
  const std::vector<std::vector<int>> steps{
      {10, 20, 5, -3, -1, -1}, {70, -1, 30, -1}, {1, 1, -2, 1, -1, 1, 1, -3, -1, -1}};
  std::vector<std::size_t> order{0, 1, 2};
  do {
    Source source;
    ScratchPool pool(source.memory());
    for (int round = 0; round < 2; ++round) {
      for (const std::size_t step : order) go_through(pool, steps[step]);
      EXPECT_EQ(pool.needed_bytes(), 3 * 70);
    }
    EXPECT_EQ(pool.held_bytes(), 3 * 70);
    EXPECT_EQ(source.blocks, 3U);
    pool.forget();
    EXPECT_EQ(pool.held_bytes(), 0);
    EXPECT_EQ(pool.needed_bytes(), 0);
    EXPECT_EQ(source.blocks, 0U);
    go_through(pool, steps[0]);
    EXPECT_EQ(pool.needed_bytes(), 3 * 20);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(ScratchPool, ForgetsNoBlockThatIsInUse) {
  Source source;
  ScratchPool pool(source.memory());
  MemoryBlock kept = pool.take(80);
  pool.forget();
  EXPECT_EQ(pool.held_bytes(), 80);
  pool.give_back(std::move(kept));
  EXPECT_EQ(pool.held_bytes(), 0);
  EXPECT_EQ(source.blocks, 0U);
}

}  // namespace
}  // namespace tidemark::comm
