// SPDX-License-Identifier: BSD-3-Clause
// What must hold between the settings of a case of family llama, and for its own settings.
#include <string>

#include <gtest/gtest.h>

#include "config/changed_case.hpp"

namespace tidemark::config {
namespace {

using testing::changed;
using testing::verdict;

/// A good case of family llama, with an MLP of 128, and some settings changed.
Case changed_llama(const std::vector<std::pair<std::string, Value>>& changes) {
  std::vector<std::pair<std::string, Value>> all = {{"model.family", std::string("llama")},
                                                    {"model.ffn_hidden_size", std::int64_t{128}}};
  all.insert(all.end(), changes.begin(), changes.end());
  return changed(all);
}

std::string judged_llama(const std::vector<std::pair<std::string, std::int64_t>>& changes) {
  return verdict(changed_llama({changes.begin(), changes.end()}));
}

TEST(ValidateLlama, ResolvesItsDefaults) {
  const Case c = changed_llama({});
  EXPECT_EQ(c.model.num_query_groups, 4);
  EXPECT_EQ(c.model.rope_theta, 10000.0);
  EXPECT_EQ(c.model.hidden_dropout, 0.0);
  EXPECT_EQ(c.model.attention_dropout, 0.0);
  EXPECT_EQ(changed({}).model.hidden_dropout, 0.1);
}

TEST(ValidateLlama, AcceptsGoodCases) {
  for (const std::int64_t groups : {1, 2, 4}) {
    for (const std::int64_t t : {1, 2, 4}) {
      EXPECT_EQ(judged_llama({{"model.num_query_groups", groups}, {"parallel.tensor", t}}),
                "accepted");
    }
  }
  EXPECT_EQ(verdict(changed_llama({{"model.hidden_dropout", 0.0}, {"model.rope_theta", 5e5}})),
            "accepted");
}

TEST(ValidateLlama, RefusesWhatEitherFamilyDoesNotHave) {
  EXPECT_EQ(verdict(changed_llama({{"model.hidden_dropout", 0.1}})),
            "at model.hidden_dropout: model.hidden_dropout: 0.1 contradicts model.family: llama, "
            "which has no dropout; leave it out");
  EXPECT_EQ(verdict(changed_llama({{"model.attention_dropout", 0.25}})),
            "at model.attention_dropout: model.attention_dropout: 0.25 contradicts model.family: "
            "llama, which has no dropout; leave it out");
  EXPECT_EQ(verdict(changed({{"model.family", "llama"}})),
            "case 0: model.ffn_hidden_size: required key is missing: family llama has no usual "
            "multiple of hidden_size");
  EXPECT_EQ(verdict(changed({{"model.rope_theta", 10000.0}})),
            "at model.rope_theta: model.rope_theta: family gpt has no rotary positions; leave it "
            "out");
}

TEST(ValidateLlama, RefusesUnevenGroups) {
  EXPECT_EQ(judged_llama({{"model.num_query_groups", 8}}),
            "at model.num_query_groups: model.num_query_groups: 8 is more than "
            "num_attention_heads 4");
  EXPECT_EQ(judged_llama({{"model.num_query_groups", 3}}),
            "at model.num_query_groups: model.num_query_groups: 3 does not divide "
            "num_attention_heads 4");
  EXPECT_EQ(judged_llama({{"model.hidden_size", 12}}),
            "at model.hidden_size: model.hidden_size: 12 / num_attention_heads 4 = 3 features a "
            "head; rotary positions turn pairs of them, so that their number must be even");
  // 12 heads in 6 groups on 4 ranks. t divides a, but neither of t and g divides the other.
  EXPECT_EQ(judged_llama({{"model.hidden_size", 96},
                          {"model.num_attention_heads", 12},
                          {"model.num_query_groups", 6},
                          {"parallel.tensor", 4}}),
            "at parallel.tensor: parallel.tensor: 4 neither divides num_query_groups 6 nor is a "
            "multiple of it, so that ranks cannot share heads of keys and values evenly");
  EXPECT_EQ(judged_llama({{"model.ffn_hidden_size", 130}, {"parallel.tensor", 4}}),
            "at parallel.tensor: parallel.tensor: 4 does not divide ffn_hidden_size 130");
}

TEST(ValidateLlama, KeepsToWhatBlasCounts) {
  const std::string blas = " is over the largest matrix dimension of BLAS (2^31 - 1)";
  EXPECT_EQ(
      judged_llama({{"model.ffn_hidden_size", 1 << 30}}),
      "at model.ffn_hidden_size: model.ffn_hidden_size: 2 x ffn_hidden_size = 2147483648" + blas);
  EXPECT_EQ(judged_llama({{"model.hidden_size", 1 << 30}}),
            "at model.hidden_size: model.hidden_size: (num_attention_heads + 2 x "
            "num_query_groups) x head size = 3221225472" +
                blas);
  // Collectives of more than 2^31 elements are cut. There are two heads of 32768 features, whose
  // keys and values two ranks share.
  EXPECT_EQ(judged_llama({{"model.hidden_size", 1 << 16},
                          {"model.num_attention_heads", 2},
                          {"model.num_query_groups", 1},
                          {"parallel.tensor", 2}}),
            "accepted");
  // Only norm weights are replicated: (2 x 2^24 + 1) x 64 elements.
  const auto layers = [](std::int64_t count, std::int64_t vocabulary) {
    return verdict(changed_llama({{"model.num_layers", count},
                                  {"model.vocab_size", vocabulary},
                                  {"parallel.tensor", std::int64_t{2}},
                                  {"parallel.sequence", true}}));
  };
  EXPECT_EQ(layers(1 << 24, 100), "accepted");
}

}  // namespace
}  // namespace tidemark::config
