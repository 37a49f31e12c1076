// SPDX-License-Identifier: BSD-3-Clause
#include "config/sweep.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/refusal.hpp"

namespace tidemark::config {
namespace {

using testing::refusal;

// These are lines 1 to 2, so the text that a test appends begins on line 3.
const std::string model =
    "name: tiny\n"
    "model: {num_layers: 2, hidden_size: 64, num_attention_heads: 4, seq_length: 32}\n";

std::vector<Case> load(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return load_cases(text, "f.yaml", overrides);
}

std::string refused(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return refusal([&] { return load(text, overrides); });
}

using Swept = std::vector<std::pair<std::string, std::string>>;

TEST(LoadCases, ReadsEverySetting) {
  const std::vector<Case> cases = load(
      "name: all of it\n"
      "model: {family: gpt, num_layers: 3, hidden_size: 96, ffn_hidden_size: 192,\n"
      "        num_attention_heads: 6, num_query_groups: 6, seq_length: 48, micro_batch_size: 5,\n"
      "        vocab_size: 51, hidden_dropout: 0.25, attention_dropout: 0, causal: false,\n"
      "        attention: blocked}\n"
      "precision: bf16\n"
      "parallel: {tensor: 2, sequence: true, keep_gathered: true}\n"
      "recompute: none\n"
      "overlap: {mode: none, progress: none, chunks: 7}\n"
      "comm: {backend: mpi, algorithm: native}\n"
      "bench: {warmup: 3, iterations: 11, max_iterations: 12, seed: 5, verify: false,\n"
      "        timeout_s: 1.5, min_warmup_seconds: 0.25, min_seconds: 30}\n");
  ASSERT_EQ(cases.size(), 1U);
  const Case& c = cases[0];
  EXPECT_EQ(c.name, "all of it");
  EXPECT_EQ(c.model.num_layers, 3);
  EXPECT_EQ(c.model.hidden_size, 96);
  EXPECT_EQ(c.model.ffn_hidden_size, 192);
  EXPECT_EQ(c.model.num_attention_heads, 6);
  EXPECT_EQ(c.model.num_query_groups, 6);
  EXPECT_EQ(c.model.seq_length, 48);
  EXPECT_EQ(c.model.micro_batch_size, 5);
  EXPECT_EQ(c.model.vocab_size, 51) << "as given; padded_vocab_size() is another thing";
  EXPECT_EQ(c.padded_vocab_size(), 52);
  EXPECT_EQ(c.model.hidden_dropout, 0.25);
  EXPECT_EQ(c.model.attention_dropout, 0.0);
  EXPECT_FALSE(c.model.causal);
  EXPECT_TRUE(c.model.is_blocked());
  EXPECT_EQ(c.precision, DType::bf16);
  EXPECT_EQ(c.parallel.tensor, 2);
  EXPECT_TRUE(c.parallel.sequence);
  EXPECT_TRUE(c.parallel.keep_gathered);
  EXPECT_EQ(c.overlap.chunks, 7);
  EXPECT_EQ(c.comm.backend, Backend::mpi);
  EXPECT_EQ(c.comm.algorithm, Algorithm::native);
  EXPECT_EQ(c.bench.warmup, 3);
  EXPECT_EQ(c.bench.iterations, 11);
  EXPECT_EQ(c.bench.max_iterations, 12);
  EXPECT_EQ(c.bench.seed, 5);
  EXPECT_FALSE(c.bench.verify);
  EXPECT_EQ(c.bench.timeout_s, 1.5);
  EXPECT_EQ(c.bench.min_warmup_seconds, 0.25);
  EXPECT_EQ(c.bench.min_seconds, 30.0);
  EXPECT_EQ(c.index, 0U);
  EXPECT_TRUE(c.swept.empty());
}

TEST(LoadCases, MultipliesAxesFirstSlowest) {
  const std::vector<Case> cases =
      load(model + "sweep: {parallel.tensor: [1, 2], model.seq_length: [8, 16, 32]}\n");
  ASSERT_EQ(cases.size(), 6U);
  const std::int64_t tensor[] = {1, 1, 1, 2, 2, 2};
  const std::int64_t seq_length[] = {8, 16, 32, 8, 16, 32};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(cases[i].index, i);
    EXPECT_EQ(cases[i].parallel.tensor, tensor[i]);
    EXPECT_EQ(cases[i].model.seq_length, seq_length[i]);
  }
  EXPECT_EQ(cases[4].swept, (Swept{{"parallel.tensor", "2"}, {"model.seq_length", "16"}}));
}

TEST(LoadCases, ResolvesDefaultsInEachCase) {
  const std::vector<Case> cases =
      load(model + "sweep: {model.hidden_size: [64, 128], model.num_attention_heads: [2, 4]}\n");
  ASSERT_EQ(cases.size(), 4U);
  EXPECT_EQ(cases[0].model.ffn_hidden_size, 256);
  EXPECT_EQ(cases[3].model.ffn_hidden_size, 512);
  EXPECT_EQ(cases[0].model.num_query_groups, 2);
  EXPECT_EQ(cases[3].model.num_query_groups, 4);
}

TEST(LoadCases, SweepsRequiredKeysAndWords) {
  const std::vector<Case> cases = load(
      "model: {num_layers: 1, hidden_size: 8, num_attention_heads: 2}\n"
      "sweep:\n  model.seq_length:\n    - 4\n    - 6\n  precision: [fp64]\n");
  ASSERT_EQ(cases.size(), 2U);
  EXPECT_EQ(cases[1].model.seq_length, 6);
  EXPECT_EQ(cases[1].precision, DType::fp64);
}

TEST(LoadCases, SweepsOverRecomputation) {
  const std::vector<Case> cases = load(model + "sweep: {recompute: [none, selective, full]}\n");
  ASSERT_EQ(cases.size(), 3U);
  EXPECT_FALSE(cases[0].recomputes_core() || cases[0].recomputes_layer());
  EXPECT_TRUE(cases[1].recomputes_core() && !cases[1].recomputes_layer());
  EXPECT_TRUE(!cases[2].recomputes_core() && cases[2].recomputes_layer());
}

TEST(LoadCases, TakesEmptySectionsAsEmpty) {
  EXPECT_EQ(load(model + "bench:\nsweep:\n").size(), 1U);
  EXPECT_EQ(load(model + "bench: {}\nsweep: {}\n").size(), 1U);
}

TEST(LoadCases, TheCommandLineWins) {
  EXPECT_EQ(load(model, {"model.seq_length=64"})[0].model.seq_length, 64);
  EXPECT_EQ(load(model, {"model.seq_length=64", "model.seq_length=128"})[0].model.seq_length, 128);
  EXPECT_EQ(load(model, {"name=a=b"})[0].name, "a=b");
  EXPECT_TRUE(load(model, {"parallel.sequence=true"})[0].parallel.sequence);
  EXPECT_EQ(load("{name: x}", {"model.num_layers=1", "model.hidden_size=8", "model.seq_length=4",
                               "model.num_attention_heads=2"})[0]
                .model.hidden_size,
            8);
}

TEST(LoadCases, ASingleValueReplacesAnAxis) {
  const std::string text =
      model + "sweep: {parallel.sequence: [false, true], parallel.tensor: [1, 2]}\n";
  const std::vector<Case> cases = load(text, {"parallel.sequence=true"});
  ASSERT_EQ(cases.size(), 2U);
  EXPECT_TRUE(cases[0].parallel.sequence);
  EXPECT_TRUE(cases[1].parallel.sequence);
  EXPECT_EQ(cases[1].swept, (Swept{{"parallel.tensor", "2"}}));
}

TEST(LoadCases, AnAxisOnTheCommandLineReplacesOrIsAdded) {
  const std::string text = model + "sweep: {parallel.tensor: [1, 2], parallel.sequence: [false]}\n";
  std::vector<Case> cases = load(text, {"sweep.parallel.tensor=[4]"});
  ASSERT_EQ(cases.size(), 1U);
  EXPECT_EQ(cases[0].swept, (Swept{{"parallel.tensor", "4"}, {"parallel.sequence", "false"}}));
  cases = load(model, {"sweep.parallel.tensor=[1,2]", "sweep.precision=[fp32, fp64]"});
  ASSERT_EQ(cases.size(), 4U);
  EXPECT_EQ(cases[1].swept, (Swept{{"parallel.tensor", "1"}, {"precision", "fp64"}}));
  cases = load(text, {"parallel.tensor=4", "sweep.parallel.tensor=[1, 2, 4]"});
  ASSERT_EQ(cases.size(), 3U);
  EXPECT_EQ(cases[2].parallel.tensor, 4);
}

TEST(LoadCases, KnowsWhereSettingsStand) {
  const std::string text =
      model + "parallel:\n  tensor: 1\nsweep:\n  parallel.sequence: [false, true]\n";
  const std::vector<Case> cases = load(text, {"bench.seed=9"});
  EXPECT_EQ(cases[1].locate("parallel.tensor"), "f.yaml:4:11");
  EXPECT_EQ(cases[0].locate("parallel.sequence"), "f.yaml:6:23");
  EXPECT_EQ(cases[1].locate("parallel.sequence"), "f.yaml:6:30");
  EXPECT_EQ(cases[1].locate("bench.seed"), "--set bench.seed=9");
  EXPECT_EQ(cases[1].locate("parallel.keep_gathered"), "f.yaml:3:1");
  EXPECT_EQ(cases[1].locate("precision"), "f.yaml:1:1");
  EXPECT_EQ(load(text, {"sweep.parallel.tensor=[1, 2]"})[3].locate("parallel.tensor"),
            "--set sweep.parallel.tensor=[1, 2]");
}

TEST(LoadCases, RefusesUnknownKeys) {
  EXPECT_EQ(refused("model:\n  num_layers: 1\n  hiden_size: 8\n"),
            "f.yaml:3:3: model.hiden_size: unknown key; did you mean model.hidden_size?");
  EXPECT_EQ(refused(model + "paralel: {tensor: 1}\n"),
            "f.yaml:3:1: paralel: unknown key; did you mean parallel?");
  EXPECT_EQ(refused(model + "tensor: 1\n"),
            "f.yaml:3:1: tensor: unknown key; did you mean parallel.tensor?");
  EXPECT_EQ(refused(model + "sweep: {parallel.tensr: [1]}\n"),
            "f.yaml:3:9: sweep.parallel.tensr: unknown key; did you mean sweep.parallel.tensor?");
  EXPECT_EQ(refused(model, {"paralel.tensor=2"}),
            "--set paralel.tensor=2: paralel.tensor: unknown key; did you mean parallel.tensor?");
  EXPECT_EQ(refused(model, {"sweep.tensor=[2]"}),
            "--set sweep.tensor=[2]: sweep.tensor: unknown "
            "key; did you mean sweep.parallel.tensor?");
}

TEST(LoadCases, RefusesKeysInTheWrongPlace) {
  EXPECT_EQ(refused(model + "parallel.tensor: 1\n"),
            "f.yaml:3:1: parallel.tensor: dotted keys belong under sweep only; write tensor: under "
            "parallel:");
  EXPECT_EQ(refused(model + "parallel.tensr: 1\n"),
            "f.yaml:3:1: parallel.tensr: unknown key; did you mean parallel.tensor?");
  EXPECT_EQ(refused(model + "sweep: {parallel: {tensor: [1, 2]}}\n"),
            "f.yaml:3:9: sweep.parallel: is a section; name one of its keys, as in "
            "sweep.parallel.KEY");
  EXPECT_EQ(refused(model, {"model={hidden_size: 8}"}),
            "--set model={hidden_size: 8}: model: is a section; name one of its keys, as in "
            "model.KEY");
  EXPECT_EQ(refused(model, {"sweep={}"}),
            "--set sweep={}: sweep: name the key to sweep, as in sweep.KEY=[A, B]");
  EXPECT_EQ(refused("model: 3\n"),
            "f.yaml:1:8: model: expected a mapping (KEY: VALUE), found a "
            "single value");
  EXPECT_EQ(refused(model + "sweep: [1]\n"),
            "f.yaml:3:8: sweep: expected a mapping (KEY: VALUE), found a list");
}

TEST(LoadCases, RefusesMissingKeys) {
  EXPECT_EQ(
      refused("name: x\nmodel:\n  num_layers: 1\n  num_attention_heads: 2\n  seq_length: 4\n"),
      "f.yaml:2:1: model.hidden_size: required key is missing");
  EXPECT_EQ(refused("name: x\n"), "f.yaml:1:1: model.num_layers: required key is missing");
  EXPECT_EQ(refused("model: {num_layers: 1, hidden_size: 8, num_attention_heads: 2}\n"),
            "f.yaml:1:1: model.seq_length: required key is missing");
  EXPECT_EQ(refused("model: {num_layers: 1, hidden_size: 8, seq_length: 2}\n"),
            "f.yaml:1:1: model.num_attention_heads: required key is missing");
}

TEST(LoadCases, RefusesBadAxes) {
  EXPECT_EQ(refused(model + "sweep: {parallel.tensor: 2}\n"),
            "f.yaml:3:26: sweep.parallel.tensor: expected a list of values, as in [A, B], found a "
            "single value");
  EXPECT_EQ(refused(model + "sweep: {parallel.tensor: {a: 1}}\n"),
            "f.yaml:3:26: sweep.parallel.tensor: expected a list of values, as in [A, B], found a "
            "mapping");
  EXPECT_EQ(refused(model + "sweep: {parallel.tensor: []}\n"),
            "f.yaml:3:26: sweep.parallel.tensor: the list of values is empty");
  EXPECT_EQ(refused(model + "sweep: {parallel.tensor: }\n"),
            "f.yaml:3:9: sweep.parallel.tensor: expected a list of values, as in [A, B], found "
            "nothing");
  EXPECT_EQ(refused(model + "sweep:\n  parallel.tensor: [1]\n  parallel.tensor: [2]\n"),
            "f.yaml:5:3: sweep.parallel.tensor: duplicate key, first on line 4");
  EXPECT_EQ(refused(model + "sweep: {parallel.tensor: [1, [2]]}\n"),
            "f.yaml:3:30: parallel.tensor: expected one value, found a list (a list of values "
            "belongs under sweep)");
  EXPECT_EQ(
      refused(model, {"sweep.parallel.tensor=2"}),
      "--set sweep.parallel.tensor=2: sweep.parallel.tensor: expected a list of values, as in "
      "[A, B], found a single value");
}

TEST(LoadCases, LimitsTheNumberOfCases) {
  std::string values = "[0";
  for (int i = 1; i < 100; ++i) values += ", " + std::to_string(i);
  const std::string sweep = "sweep:\n  bench.seed: " + values + "]\n  name: " + values + "]\n";
  EXPECT_EQ(load(model + sweep).size(), max_cases);
  EXPECT_EQ(refused(model + sweep + "  precision: [fp32, fp64]\n"),
            "f.yaml:6:3: sweep.precision: the sweep has more than 10000 cases");
}

TEST(LoadCases, RefusesBadOverrides) {
  EXPECT_EQ(refused(model, {"parallel.tensor"}), "--set parallel.tensor: expected KEY=VALUE");
  EXPECT_EQ(refused(model, {""}), "--set : expected KEY=VALUE");
  EXPECT_EQ(refused(model, {"=2"}), "--set =2: expected KEY=VALUE, the key is empty");
  EXPECT_EQ(refused(model, {"parallel.tensor="}),
            "--set parallel.tensor=: parallel.tensor: has no value");
  EXPECT_EQ(refused(model, {"parallel.tensor=[1, 2]"}),
            "--set parallel.tensor=[1, 2]: parallel.tensor: expected one value, found a list (a "
            "list of values belongs under sweep)");
  EXPECT_EQ(refused(model, {"parallel.tensor=010"}),
            "--set parallel.tensor=010: parallel.tensor: 010 has a leading zero; write 10, numbers "
            "are decimal");
  EXPECT_EQ(refused(model, {"name=\"a\nb"}).find('\n'), std::string::npos);
}

TEST(LoadCases, ReportsConflictsWhereTheyWereMade) {
  EXPECT_EQ(refused("model:\n  num_layers: 1\n  hidden_size: 1000\n  num_attention_heads: 16\n"
                    "  seq_length: 4\n"),
            "f.yaml:3:16: model.hidden_size: 1000 is not divisible by num_attention_heads 16");
  EXPECT_EQ(refused(model, {"model.hidden_size=1002"}),
            "--set model.hidden_size=1002: model.hidden_size: 1002 is not divisible by "
            "num_attention_heads 4");
  EXPECT_EQ(refused(model + "sweep: {parallel.tensor: [1, 2, 3]}\n"),
            "f.yaml:3:33: parallel.tensor: 3 does not divide num_attention_heads 4");
}

TEST(LoadCases, LocatesBothSidesOfAContradiction) {
  const std::string why =
      ", since only the layers' own inputs are saved, and none of them is gathered";
  EXPECT_EQ(
      refused(model + "parallel: {sequence: true, keep_gathered: true}\n"
                      "sweep: {recompute: [none, full]}\n"),
      "f.yaml:4:27: recompute: full contradicts parallel.keep_gathered: true (f.yaml:3:43)" + why);
  EXPECT_EQ(refused(model + "recompute: full\nparallel: {sequence: true}\n",
                    {"sweep.parallel.keep_gathered=[false, true]"}),
            "f.yaml:3:12: recompute: full contradicts parallel.keep_gathered: true (--set "
            "sweep.parallel.keep_gathered=[false, true])" +
                why);
  EXPECT_EQ(refused(model + "sweep: {model.attention: [materialized, blocked]}\n",
                    {"recompute=selective"}),
            "--set recompute=selective: recompute: selective contradicts model.attention: blocked "
            "(f.yaml:3:41), which saves no attention core that could be left to backward");
}

TEST(LoadCases, JudgesBaseValuesThatASweepHides) {
  EXPECT_EQ(
      refused(model + "precision: fp16\nsweep: {precision: [fp32]}\n"),
      "f.yaml:3:12: precision: 'fp16' is not accepted, expected one of fp32, fp64, bf16, tf32");
  EXPECT_EQ(load(model + "parallel: {tensor: 3}\nsweep: {parallel.tensor: [1, 2]}\n").size(), 2U);
}

}  // namespace
}  // namespace tidemark::config
