// SPDX-License-Identifier: BSD-3-Clause
// The closed forms against the sums over tensors, and both against the paper.
#include <string>

#include <gtest/gtest.h>

#include "cases.hpp"
#include "support/sharding.hpp"
#include "support/words.hpp"
#include "theory/activation.hpp"

namespace tidemark::theory {
namespace {

using testing::make_case;

constexpr std::int64_t mebibyte = 1 << 20;

config::Case bf16_case(std::int64_t s, std::int64_t b, std::int64_t h, std::int64_t a,
                       std::int64_t t, bool sequence, const std::string& recompute) {
  config::Case c = make_case(s, b, h, a, t, sequence);
  c.precision = DType::bf16;
  support::set_word(c.recompute, recompute);
  return c;
}

TEST(ClosedFormula, PublishedExamplesInMebibytes) {
  struct Example {
    bool sequence;
    const char* recompute;
    std::int64_t gpt22b;
    std::int64_t gpt175b;
  };
  for (const Example& example :
       {Example{false, "none", 1264, 552}, Example{true, "none", 844, 342},
        Example{false, "selective", 624, 312}, Example{true, "selective", 204, 102},
        Example{false, "full", 96, 48}, Example{true, "full", 12, 6}}) {
    const auto [sequence, recompute, mib22b, mib175b] = example;
    const config::Case gpt22b = bf16_case(2048, 4, 6144, 64, 8, sequence, recompute);
    EXPECT_EQ(saved_bytes_per_layer(gpt22b), mib22b * mebibyte) << sequence << recompute;
    EXPECT_EQ(published_bytes_per_layer(gpt22b), mib22b * mebibyte) << sequence << recompute;
    const config::Case gpt175b = bf16_case(2048, 1, 12288, 96, 8, sequence, recompute);
    EXPECT_EQ(saved_bytes_per_layer(gpt175b), mib175b * mebibyte) << sequence << recompute;
    EXPECT_EQ(published_bytes_per_layer(gpt175b), mib175b * mebibyte) << sequence << recompute;
  }
}

TEST(ClosedFormula, EndsOfAPublishedModel) {
  // 22B with 51200 ids: 5sbh/t is 30 MiB, 4sbV/t 200 MiB; under TP alone 5sbh is 240 MiB.
  config::Case c = bf16_case(2048, 4, 6144, 64, 8, true, "none");
  c.model.vocab_size = 51200;
  EXPECT_EQ(saved_bytes_of_ends(c), 230 * mebibyte);
  EXPECT_EQ(published_bytes_of_ends(c), 230 * mebibyte);
  c.parallel.keep_gathered = true;  // 2sbh whole
  EXPECT_EQ(saved_bytes_of_ends(c), (18 + 96 + 200) * mebibyte);
  EXPECT_EQ(published_bytes_of_ends(c), (18 + 96 + 200) * mebibyte);
  c.parallel = {.tensor = 8};
  EXPECT_EQ(saved_bytes_of_ends(c), 440 * mebibyte);
  EXPECT_EQ(published_bytes_of_ends(c), 440 * mebibyte);
}

TEST(ClosedFormula, TwoByteElementsByHand) {
  // sbh (34 + 5as/h) and sbh (10 + 24/t + 5as/(ht)) with s 4, b 1, h 8, a 2: 5as/h is 5.
  EXPECT_EQ(published_bytes_per_layer(bf16_case(4, 1, 8, 2, 1, false, "none")), 32 * (34 + 5));
  EXPECT_EQ(published_bytes_per_layer(bf16_case(4, 1, 8, 2, 2, false, "none")),
            32 * 10 + 16 * (24 + 5));
  EXPECT_EQ(published_bytes_per_layer(bf16_case(4, 1, 8, 2, 2, true, "none")), 16 * (34 + 5));
  EXPECT_EQ(published_bytes_per_layer(bf16_case(4, 1, 8, 2, 2, true, "selective")), 16 * 34);
  // The log-sum-exp is 4 bytes for each of 4 positions of one head per rank.
  config::Case blocked = bf16_case(4, 1, 8, 2, 2, true, "none");
  blocked.model.attention = config::Attention::blocked;
  EXPECT_EQ(published_bytes_per_layer(blocked), 16 * 34 + 4 * 4);
}

/// Compares formula and sum for one shape, with everything that may be saved. Returns the number of
/// comparisons.
int compare(config::Case c) {
  struct Variant {
    const char* attention;
    const char* recompute;
  };
  int compared = 0;
  for (const auto& [attention, recompute] :
       {Variant{"materialized", "none"}, Variant{"materialized", "selective"},
        Variant{"materialized", "full"}, Variant{"blocked", "none"}, Variant{"blocked", "full"}}) {
    for (const DType precision : {DType::bf16, DType::fp32, DType::fp64}) {
      support::set_word(c.model.attention, attention);
      support::set_word(c.recompute, recompute);
      c.precision = precision;
      const auto where = ::testing::Message()
                         << "t " << c.parallel.tensor << " s " << c.model.seq_length << " b "
                         << c.model.micro_batch_size << " h " << c.model.hidden_size << " SP "
                         << c.parallel.sequence << " kept " << c.parallel.keep_gathered << " "
                         << attention << " " << recompute << " " << name_of(precision);
      EXPECT_EQ(published_bytes_per_layer(c), saved_bytes_per_layer(c)) << where;
      EXPECT_EQ(published_bytes_of_ends(c), saved_bytes_of_ends(c)) << where;
      ++compared;
    }
  }
  return compared;
}

TEST(ClosedFormula, EqualsTheSumOfTensors) {
  int compared = 0;
  for (const std::int64_t t : {1, 2, 4, 8}) {
    for (const std::int64_t s : {8, 24, 1024}) {
      for (const std::int64_t b : {1, 3}) {
        for (const std::int64_t head : {1, 5, 64}) {
          for (const support::Sharding sharding : support::all_shardings) {
            config::Case c = make_case(s, b, 16 * head, 16, t, is_sequence(sharding));
            c.parallel.keep_gathered = keeps_gathered(sharding);
            c.model.vocab_size = 8 * (s + head);
            compared += compare(c);
          }
        }
      }
    }
  }
  EXPECT_EQ(compared, 4 * 3 * 2 * 3 * 3 * 5 * 3);
}

TEST(ClosedFormula, SpeaksOnlyOfFourfoldFeedForwardUnlessAllIsRecomputed) {
  config::Case c = make_case(8, 1, 16, 4);
  ASSERT_TRUE(published_bytes_per_layer(c).has_value());
  c.model.ffn_hidden_size = 60;
  EXPECT_FALSE(published_bytes_per_layer(c).has_value());
  c.recompute = config::Recompute::full;
  c.model.hidden_dropout = 0.0;
  EXPECT_EQ(published_bytes_per_layer(c), 8 * 16 * 4);
  EXPECT_EQ(saved_bytes_per_layer(c), 8 * 16 * 4);
}

TEST(ClosedFormula, MasksThatAreNotSavedNeedNoDropout) {
  config::Case c = make_case(8, 1, 16, 4);
  c.model.attention_dropout = 0.0;
  EXPECT_FALSE(published_bytes_per_layer(c).has_value());
  c.recompute = config::Recompute::selective;
  EXPECT_EQ(published_bytes_per_layer(c), saved_bytes_per_layer(c));
  c.model.hidden_dropout = 0.0;
  EXPECT_FALSE(published_bytes_per_layer(c).has_value());
}

TEST(ClosedFormula, EndsNeedAVocabularyThatDividesAndDropout) {
  config::Case c = make_case(8, 1, 16, 4, 2);
  EXPECT_FALSE(published_bytes_of_ends(c).has_value());
  c.model.vocab_size = 12;
  EXPECT_TRUE(published_bytes_of_ends(c).has_value());
  c.model.vocab_size = 11;
  EXPECT_FALSE(published_bytes_of_ends(c).has_value());
  c.model.vocab_size = 12;
  c.model.hidden_dropout = 0.0;
  EXPECT_FALSE(published_bytes_of_ends(c).has_value());
}

}  // namespace
}  // namespace tidemark::theory
