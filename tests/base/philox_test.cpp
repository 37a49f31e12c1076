// SPDX-License-Identifier: BSD-3-Clause
#include "base/philox.hpp"

#include <random>
#include <vector>

#include <Random123/philox.h>
#include <gtest/gtest.h>

#include "base/device.hpp"

namespace tidemark::philox {
namespace {

struct KnownAnswer {
  Words counter;
  Key key;
  Words expected;
};

void expect_equal(const Words& actual, const Words& expected) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(actual.w[i], expected.w[i]) << "word " << i;
}

TEST(Philox, KnownAnswersOfRandom123) {
  constexpr std::uint32_t ones = 0xffffffffU;
  const KnownAnswer answers[] = {
      {{{0, 0, 0, 0}}, {0, 0}, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
      {{{ones, ones, ones, ones}},
       {ones, ones},
       {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
      {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
       {0xa4093822, 0x299f31d0},
       {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}}};
  for (const KnownAnswer& answer : answers) {
    expect_equal(generate(answer.counter, answer.key), answer.expected);
  }
}

TEST(Philox, EqualsRandom123OnRandomCountersAndKeys) {
  std::mt19937 random(42);
  const auto word = [&] { return static_cast<std::uint32_t>(random()); };
  for (int i = 0; i < 10000; ++i) {
    const Words counter{{word(), word(), word(), word()}};
    const Key key{word(), word()};
    const r123::Philox4x32::ctr_type c{{counter.w[0], counter.w[1], counter.w[2], counter.w[3]}};
    const r123::Philox4x32::key_type k{{key.seed, key.stream}};
    const auto expected = r123::Philox4x32()(c, k);
    expect_equal(generate(counter, key), {{expected[0], expected[1], expected[2], expected[3]}});
  }
}

TEST(Philox, BlockNumberIsTheLowHalfOfTheCounter) {
  const Key key{7, 11};
  const std::uint64_t block = 0x123456789abcdef0ULL;
  expect_equal(words_of_block(key, block), generate({{0x9abcdef0U, 0x12345678U, 0, 0}}, key));
}

TEST(Philox, ElementsAreTheWordsOfTheirBlocks) {
  const Key key{1234, 5};
  for (const std::uint64_t first : {std::uint64_t{0}, (std::uint64_t{1} << 34) - 8}) {
    for (std::uint64_t element = first; element < first + 64; ++element) {
      EXPECT_EQ(word_of_element(key, element), words_of_block(key, element / 4).w[element % 4]);
    }
  }
}

TEST(Philox, SeedAndStreamBothMatter) {
  const std::uint32_t word = word_of_element({1, 2}, 3);
  EXPECT_NE(word_of_element({2, 1}, 3), word);
  EXPECT_NE(word_of_element({2, 2}, 3), word);
  EXPECT_NE(word_of_element({1, 3}, 3), word);
}

TEST(CentredUniform, StaysInsideAndIsSymmetric) {
  EXPECT_GT(centred_uniform(0), -0.5);
  EXPECT_LT(centred_uniform(0xffffffffU), 0.5);
  EXPECT_EQ(centred_uniform(0), -centred_uniform(0xffffffffU));
  EXPECT_EQ(centred_uniform(0x7fffffffU), -centred_uniform(0x80000000U));
  EXPECT_GT(centred_uniform(0x80000000U), 0.0);
  std::mt19937 random(3);
  for (int i = 0; i < 1000; ++i) {
    const auto word = static_cast<std::uint32_t>(random());
    EXPECT_EQ(centred_uniform(word), -centred_uniform(~word));
  }
}

TEST(CentredUniform, HasTheMomentsOfAUniformNumber) {
  const int count = 1 << 18;
  double sum = 0.0;
  double squares = 0.0;
  for (int i = 0; i < count; ++i) {
    const double u = centred_uniform(word_of_element({99, 1}, static_cast<std::uint64_t>(i)));
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / count, 0.0, 5 * 0.289 / 512);  // five standard errors
  EXPECT_NEAR(squares / count, 1.0 / 12, 5 * 0.075 / 512);
}

/// The words that a kernel gets from for_each_word, and 0 for elements that it does not get.
/// Expects exactly one call for each of the first `count` elements, and none for the others.
std::vector<std::uint32_t> words_from_kernel(Key key, std::uint64_t first, int count, int room) {
  const Kokkos::View<std::uint32_t*, MemorySpace> words("words", static_cast<std::size_t>(room));
  const Kokkos::View<std::uint32_t*, MemorySpace> calls("calls", static_cast<std::size_t>(room));
  Device device;
  for_each_row(
      device, "words", 1, KOKKOS_LAMBDA(const TeamMember& team) {
        for_each_word(team, key, first, count, [&](const int j, const std::uint32_t word) {
          words(j) = word;
          Kokkos::atomic_add(&calls(j), 1U);
        });
      });
  device.fence();
  const auto on_host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), words);
  const auto called = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), calls);
  std::vector<std::uint32_t> result;
  for (int j = 0; j < room; ++j) {
    EXPECT_EQ(called(j), j < count ? 1U : 0U) << "element " << j;
    result.push_back(on_host(j));
  }
  return result;
}

TEST(ForEachWord, EqualsElementByElementAtEveryOffsetAndCount) {
  const Key key{17, 23};
  const std::uint64_t far = (std::uint64_t{1} << 34) - 2;  // the block's number exceeds 32 bits
  for (const std::uint64_t base : {std::uint64_t{0}, std::uint64_t{100}, far}) {
    for (std::uint64_t offset = 0; offset < 4; ++offset) {
      for (int count = 0; count <= 20; ++count) {
        SCOPED_TRACE(::testing::Message() << "first " << base + offset << " count " << count);
        const auto words = words_from_kernel(key, base + offset, count, 24);
        for (int j = 0; j < count; ++j) {
          EXPECT_EQ(words[static_cast<std::size_t>(j)],
                    word_of_element(key, base + offset + static_cast<std::uint64_t>(j)));
        }
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::philox
