// SPDX-License-Identifier: BSD-3-Clause
#include "theory/attention_blocks.hpp"

#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace tidemark::theory {
namespace {

constexpr std::int64_t attention_block = 512;

std::int64_t visible(std::int64_t s, bool causal) {
  return visible_pairs(s, attention_block, causal);
}

/// Counted block by block, in the program's order.
std::int64_t counted_pairs(std::int64_t s, bool causal) {
  std::int64_t pairs = 0;
  for (std::int64_t i = 0; i < s; i += attention_block) {
    for (std::int64_t j = 0; j < s; j += attention_block) {
      if (causal && j > i) continue;
      pairs += std::min(attention_block, s - i) * std::min(attention_block, s - j);
    }
  }
  return pairs;
}

TEST(AttentionBlocks, ByHand) {
  EXPECT_EQ(visible(1200, false), 1440000);
  // 512 rows see 512 columns, 512 see 1024, 176 see 1200.
  EXPECT_EQ(visible(1200, true), 262144 + 524288 + 211200);
  EXPECT_EQ(visible(1, true), 1);
  EXPECT_EQ(visible(512, true), 512 * 512);
}

TEST(AttentionBlocks, EveryBlockPairIsCounted) {
  for (const std::int64_t s : {1, 7, 511, 512, 513, 1023, 1024, 1025, 1200, 2048, 5000, 16384}) {
    EXPECT_EQ(visible(s, true), counted_pairs(s, true)) << s;
    EXPECT_EQ(visible(s, false), counted_pairs(s, false)) << s;
  }
}

TEST(AttentionBlocks, LongestSequenceAndBeyond) {
  const std::int64_t longest = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(visible(longest, false), longest * longest);
  EXPECT_LT(visible(longest, true), longest * longest / 2 + 512 * longest);
  EXPECT_GT(visible(longest, true), longest * longest / 2);
  EXPECT_THROW(visible(std::int64_t{1} << 33, true), RunError);
  EXPECT_THROW(visible(std::int64_t{1} << 32, false), RunError);
}

}  // namespace
}  // namespace tidemark::theory
