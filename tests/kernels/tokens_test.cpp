// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/embedding.hpp"

namespace tidemark::kernels {
namespace {

constexpr philox::Key key{1234, 2};

// Products of a word and a vocabulary of up to 2^21 are exact in doubles.
TEST(Tokens, AreTheWordsScaledToTheVocabulary) {
  for (const std::int64_t vocabulary : {1, 2, 3, 1000, 50257, 128256, 1 << 21}) {
    const Tokens tokens{key, vocabulary, 1};
    for (std::int64_t row = 0; row < 2000; ++row) {
      const double word = philox::word_of_element(key, static_cast<std::uint64_t>(row));
      const double expected = std::floor(std::ldexp(word * static_cast<double>(vocabulary), -32));
      ASSERT_EQ(static_cast<double>(tokens.input(row)), expected) << vocabulary << ", " << row;
    }
  }
}

TEST(Tokens, StayInTheVocabularyAndReachItsEnds) {
  for (const std::int64_t vocabulary : {std::int64_t{1}, std::int64_t{2}, std::int64_t{37},
                                        std::int64_t{1} << 31, (std::int64_t{1} << 32) - 1}) {
    const Tokens tokens{key, vocabulary, 1};
    std::int64_t lowest = vocabulary, highest = -1;
    for (std::int64_t row = 0; row < 4000; ++row) {
      lowest = std::min(lowest, tokens.input(row));
      highest = std::max(highest, tokens.input(row));
    }
    EXPECT_GE(lowest, 0);
    EXPECT_LT(highest, vocabulary);
    EXPECT_LE(lowest, vocabulary / 100);
    EXPECT_GE(highest, vocabulary - 1 - vocabulary / 100);
  }
}

// Chi-squared with V - 1 degrees of freedom. No power of two is a multiple of this V.
TEST(Tokens, AreEquallyLikely) {
  for (const std::int64_t vocabulary : {7, 1001}) {
    const Tokens tokens{key, vocabulary, 1};
    const std::int64_t count = 100 * vocabulary;
    std::vector<double> found(static_cast<std::size_t>(vocabulary));
    for (std::int64_t row = 0; row < count; ++row) {
      found[static_cast<std::size_t>(tokens.input(row))] += 1.0;
    }
    double chi_squared = 0.0;
    for (const double n : found) chi_squared += (n - 100.0) * (n - 100.0) / 100.0;
    const auto freedom = static_cast<double>(vocabulary - 1);
    EXPECT_NEAR(chi_squared, freedom, 5.0 * std::sqrt(2.0 * freedom)) << vocabulary;
  }
}

// Rows go by position, then by sequence. The next position of the same sequence is b rows later.
TEST(Tokens, ALabelIsTheInputOfTheNextPosition) {
  for (const std::int64_t batch : {1, 3}) {
    const Tokens tokens{key, 50257, batch};
    for (std::int64_t position = 0; position < 20; ++position) {
      for (std::int64_t sequence = 0; sequence < batch; ++sequence) {
        EXPECT_EQ(tokens.label(position * batch + sequence),
                  tokens.input((position + 1) * batch + sequence));
      }
    }
  }
}

TEST(Tokens, SeedAndStreamBothMatter) {
  const Tokens one{key, 1 << 20, 1}, seed{{1235, 2}, 1 << 20, 1}, stream{{1234, 3}, 1 << 20, 1};
  EXPECT_NE(one.input(5), seed.input(5));
  EXPECT_NE(one.input(5), stream.input(5));
}

}  // namespace
}  // namespace tidemark::kernels
