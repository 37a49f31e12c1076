// SPDX-License-Identifier: BSD-3-Clause
#include "config/preset.hpp"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/refusal.hpp"
#include "config/sweep.hpp"

namespace tidemark::config {
namespace {

using testing::refusal;

std::vector<Case> load(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return load_cases(text, "f.yaml", overrides);
}

std::string refused(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return refusal([&] { return load(text, overrides); });
}

const std::string llama_8b = "model: {preset: llama-3-8b}\n";

TEST(Preset, HoldsThePublishedShapes) {
  struct Shape {
    const char* name;
    std::int64_t layers, hidden, ffn, heads, groups, seq_length, vocabulary;
  };
  const std::vector<Shape> published = {{"gpt-345m", 24, 1024, 4096, 16, 16, 1024, 50257},
                                        {"gpt-1.3b", 24, 2048, 8192, 16, 16, 2048, 50257},
                                        {"gpt-22b", 48, 6144, 24576, 64, 64, 2048, 51200},
                                        {"gpt-175b", 96, 12288, 49152, 96, 96, 2048, 50257},
                                        {"gpt-530b", 105, 20480, 81920, 128, 128, 2048, 51200},
                                        {"gpt-1t", 128, 25600, 102400, 160, 160, 2048, 51200},
                                        {"llama-2-7b", 32, 4096, 11008, 32, 32, 4096, 32000},
                                        {"llama-2-70b", 80, 8192, 28672, 64, 8, 4096, 32000},
                                        {"llama-3-8b", 32, 4096, 14336, 32, 8, 8192, 128256},
                                        {"llama-3-70b", 80, 8192, 28672, 64, 8, 8192, 128256},
                                        {"llama-3-405b", 126, 16384, 53248, 128, 8, 8192, 128256}};
  ASSERT_EQ(presets().size(), published.size());
  for (const Shape& shape : published) {
    const Case c = load(std::string("model: {preset: ") + shape.name + "}\n").at(0);
    EXPECT_EQ(c.model.preset, shape.name);
    EXPECT_EQ(c.model.num_layers, shape.layers) << shape.name;
    EXPECT_EQ(c.model.hidden_size, shape.hidden) << shape.name;
    EXPECT_EQ(c.model.ffn_hidden_size, shape.ffn) << shape.name;
    EXPECT_EQ(c.model.num_attention_heads, shape.heads) << shape.name;
    EXPECT_EQ(c.model.num_query_groups, shape.groups) << shape.name;
    EXPECT_EQ(c.model.seq_length, shape.seq_length) << shape.name;
    EXPECT_EQ(c.model.vocab_size, shape.vocabulary) << shape.name;
    EXPECT_EQ(c.model.micro_batch_size, 1) << shape.name;
  }
}

TEST(Preset, SetsTheFamilyAndItsDefaults) {
  const Case gpt = load("model: {preset: gpt-22b}\n").at(0);
  EXPECT_FALSE(gpt.model.is_llama());
  EXPECT_EQ(gpt.model.hidden_dropout, 0.1);
  EXPECT_EQ(gpt.model.rope_theta, 10000.0);
  const Case llama_2 = load("model: {preset: llama-2-70b}\n").at(0);
  EXPECT_TRUE(llama_2.model.is_llama());
  EXPECT_EQ(llama_2.model.hidden_dropout, 0.0);
  EXPECT_EQ(llama_2.model.rope_theta, 10000.0);
  EXPECT_EQ(load(llama_8b).at(0).model.rope_theta, 500000.0);
  EXPECT_EQ(load(llama_8b, {"model.preset=llama-2-7b"}).at(0).model.rope_theta, 10000.0);
}

TEST(Preset, IsTheSameByItself) {
  for (const Preset& preset : presets()) {
    const Case alone = case_of(preset);
    const Case read = load("model: {preset: " + std::string(preset.name) + "}\n").at(0);
    EXPECT_EQ(alone.name, preset.name);
    EXPECT_EQ(alone.model.ffn_hidden_size, read.model.ffn_hidden_size);
    EXPECT_EQ(alone.model.num_query_groups, read.model.num_query_groups);
    EXPECT_EQ(alone.from_preset, read.from_preset);
  }
}

TEST(Preset, YieldsToWhateverElseIsGiven) {
  const Case c = load("model:\n  num_layers: 2\n  preset: llama-3-70b\n  vocab_size: 0\n",
                      {"model.seq_length=4096"})
                     .at(0);
  EXPECT_EQ(c.model.num_layers, 2);
  EXPECT_EQ(c.model.vocab_size, 0);
  EXPECT_EQ(c.model.seq_length, 4096);
  EXPECT_EQ(c.model.hidden_size, 8192);
  EXPECT_EQ(c.locate("model.num_layers"), "f.yaml:2:15");
  EXPECT_EQ(c.locate("model.hidden_size"), "f.yaml:3:11");
  EXPECT_EQ(c.locate("model.seq_length"), "--set model.seq_length=4096");
  EXPECT_TRUE(c.is_given("model.hidden_size"));
  EXPECT_EQ(c.from_preset,
            (std::set<std::string>{"model.family", "model.hidden_size", "model.ffn_hidden_size",
                                   "model.num_attention_heads", "model.num_query_groups",
                                   "model.rope_theta"}));
}

TEST(Preset, OfGptLeavesToTheFamilyWhatFollows) {
  const Case c = load("model: {preset: gpt-22b, hidden_size: 512, num_attention_heads: 8}\n").at(0);
  EXPECT_EQ(c.model.ffn_hidden_size, 2048);
  EXPECT_EQ(c.model.num_query_groups, 8);
}

TEST(Preset, IsSweptLikeAnyKey) {
  const std::vector<Case> cases = load(
      "model: {num_layers: 1, hidden_size: 64, num_attention_heads: 4, seq_length: 32}\n"
      "sweep: {model.preset: [none, llama-2-7b, gpt-345m], model.num_layers: [1, 3]}\n");
  ASSERT_EQ(cases.size(), 6U);
  EXPECT_EQ(cases[0].model.preset, "none");
  EXPECT_TRUE(cases[0].from_preset.empty());
  EXPECT_EQ(cases[0].model.ffn_hidden_size, 256);
  EXPECT_EQ(cases[3].model.num_layers, 3);
  EXPECT_EQ(cases[3].model.ffn_hidden_size, 11008) << "what is given stands above, ffn is not";
  EXPECT_EQ(cases[3].model.hidden_size, 64);
  EXPECT_EQ(cases[4].model.vocab_size, 50257);
  EXPECT_EQ(cases[4].swept.front(),
            (std::pair<std::string, std::string>("model.preset", "gpt-345m")));
  const std::vector<Case> whole = load("sweep: {model.preset: [gpt-22b, llama-3-8b]}\n");
  EXPECT_EQ(whole[0].model.num_layers, 48);
  EXPECT_EQ(whole[1].model.num_layers, 32);
  EXPECT_EQ(whole[1].locate("model.num_layers"), "f.yaml:1:33");
}

TEST(Preset, SatisfiesWhatIsRequiredCaseByCase) {
  EXPECT_EQ(refused("model: {preset: none}\n"),
            "f.yaml:1:1: model.num_layers: required key is missing");
  EXPECT_EQ(refused("model: {num_layers: 2}\nsweep: {model.preset: [gpt-22b, none]}\n"),
            "f.yaml:1:1: model.hidden_size: required key is missing");
}

TEST(Preset, CanChangeItsFamily) {
  const std::vector<Case> cases =
      load("model: {preset: llama-2-7b}\n", {"sweep.model.family=[gpt, llama]"});
  ASSERT_EQ(cases.size(), 2U);
  EXPECT_FALSE(cases[0].model.is_llama());
  EXPECT_EQ(cases[0].model.hidden_dropout, 0.1);
  EXPECT_TRUE(cases[1].model.is_llama());
}

TEST(Preset, IsNamedWhereItIsPartOfAContradiction) {
  EXPECT_EQ(refused(llama_8b + "parallel: {tensor: 3}\n"),
            "f.yaml:2:20: parallel.tensor: 3 does not divide num_attention_heads 32; preset "
            "llama-3-8b has num_attention_heads 32");
  EXPECT_EQ(refused(llama_8b, {"model.num_attention_heads=24"}),
            "f.yaml:1:17: model.hidden_size: 4096 is not divisible by num_attention_heads 24; "
            "preset llama-3-8b has hidden_size 4096");
  EXPECT_EQ(refused(llama_8b, {"model.num_attention_heads=4"}),
            "f.yaml:1:17: model.num_query_groups: 8 is more than num_attention_heads 4; preset "
            "llama-3-8b has num_query_groups 8");
  EXPECT_EQ(refused(llama_8b, {"model.family=gpt"}),
            "f.yaml:1:17: model.num_query_groups: 8 differs from num_attention_heads 32; in family "
            "gpt they are equal; preset llama-3-8b has num_attention_heads 32, num_query_groups 8");
  // No setting of the preset affects these.
  EXPECT_EQ(refused(llama_8b, {"model.hidden_size=100", "model.num_attention_heads=16"}),
            "--set model.hidden_size=100: model.hidden_size: 100 is not divisible by "
            "num_attention_heads 16");
  EXPECT_EQ(refused(llama_8b, {"bench.iterations=50", "bench.max_iterations=49"}),
            "--set bench.max_iterations=49: bench.max_iterations: 49 is less than iterations 50");
  EXPECT_EQ(refused("model: {preset: llama-3-8b, hidden_dropout: 0.1}\n"),
            "f.yaml:1:45: model.hidden_dropout: 0.1 contradicts model.family: llama, which has no "
            "dropout; leave it out; preset llama-3-8b has family llama");
  EXPECT_EQ(refused("model: {preset: gpt-22b, rope_theta: 10000}\n"),
            "f.yaml:1:38: model.rope_theta: family gpt has no rotary positions; leave it out; "
            "preset gpt-22b has family gpt");
}

}  // namespace
}  // namespace tidemark::config
