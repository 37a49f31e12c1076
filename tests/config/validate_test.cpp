// SPDX-License-Identifier: BSD-3-Clause
#include "config/validate.hpp"

#include <string>

#include <gtest/gtest.h>

#include "config/changed_case.hpp"
#include "config/schema.hpp"

namespace tidemark::config {
namespace {

using testing::changed;
using testing::verdict;

/// The same as changed(), for integers only.
std::string judged(const std::vector<std::pair<std::string, std::int64_t>>& changes) {
  return verdict(changed({changes.begin(), changes.end()}));
}

TEST(Validate, ResolvesDefaultsFromOtherSettings) {
  const Case c = changed({});
  EXPECT_EQ(c.model.ffn_hidden_size, 256);
  EXPECT_EQ(c.model.num_query_groups, 4);
  EXPECT_EQ(c.bench.max_iterations, 40);
  EXPECT_EQ(changed({{"bench.iterations", std::int64_t{100}}}).bench.max_iterations, 100);
  EXPECT_EQ(changed({{"model.ffn_hidden_size", std::int64_t{192}}}).model.ffn_hidden_size, 192);
}

TEST(Validate, AcceptsGoodCases) {
  EXPECT_EQ(judged({}), "accepted");
  EXPECT_EQ(judged({{"parallel.tensor", 4}}), "accepted");
  EXPECT_EQ(judged({{"model.num_query_groups", 4}}), "accepted");
  EXPECT_EQ(judged({{"bench.max_iterations", 10}}), "accepted");
}

TEST(Validate, RefusesIndivisibleSizes) {
  EXPECT_EQ(judged({{"model.hidden_size", 1000}, {"model.num_attention_heads", 16}}),
            "at model.hidden_size: model.hidden_size: 1000 is not divisible by "
            "num_attention_heads 16");
  EXPECT_EQ(judged({{"parallel.tensor", 3}}),
            "at parallel.tensor: parallel.tensor: 3 does not divide num_attention_heads 4");
  EXPECT_EQ(judged({{"parallel.tensor", 4}, {"model.seq_length", 30}}),
            "at parallel.tensor: parallel.tensor: 4 does not divide seq_length 30 "
            "(required without parallel.sequence, too)");
  EXPECT_EQ(judged({{"parallel.tensor", 4}, {"model.ffn_hidden_size", 130}}),
            "at parallel.tensor: parallel.tensor: 4 does not divide ffn_hidden_size 130");
  EXPECT_EQ(judged({{"model.num_attention_heads", 128}}),
            "at model.hidden_size: model.hidden_size: 64 is not divisible by "
            "num_attention_heads 128");
}

TEST(Validate, SaysNothingOfSequenceParallelismWhereItIsOn) {
  const Case c = changed({{"parallel.tensor", std::int64_t{4}},
                          {"model.seq_length", std::int64_t{30}},
                          {"parallel.sequence", true}});
  EXPECT_EQ(verdict(c), "at parallel.tensor: parallel.tensor: 4 does not divide seq_length 30");
}

TEST(Validate, RefusesContradictions) {
  EXPECT_EQ(judged({{"model.num_query_groups", 2}}),
            "at model.num_query_groups: model.num_query_groups: 2 differs from "
            "num_attention_heads 4; in family gpt they are equal");
  EXPECT_EQ(judged({{"bench.iterations", 20}, {"bench.max_iterations", 19}}),
            "at bench.max_iterations: bench.max_iterations: 19 is less than iterations 20");
  const Case c = changed({{"parallel.keep_gathered", true}});
  EXPECT_EQ(
      verdict(c),
      "at parallel.keep_gathered: parallel.keep_gathered: true needs parallel.sequence: true");
}

TEST(Validate, RefusesForNcclWhatIsMadeOfMpi) {
  EXPECT_EQ(verdict(changed({{"comm.backend", "nccl"}, {"comm.algorithm", "native"}})), "accepted");
  EXPECT_EQ(
      verdict(changed({{"comm.backend", "nccl"}, {"comm.algorithm", "pairwise"}})),
      "at comm.algorithm: comm.algorithm: pairwise is made of MPI's messages, and contradicts "
      "comm.backend: nccl");
  EXPECT_EQ(verdict(changed({{"comm.backend", "nccl"}, {"emulated_link.latency_us", 1.0}})),
            "at comm.backend: comm.backend: nccl contradicts emulated_link: its calls complete on "
            "the device, where nothing can hold them back");
}

TEST(Validate, RefusesToRegisterBuffersWithMpi) {
  const auto registering = [](const char* key, const Value& value) {
    return verdict(changed({{"comm.register_buffers", true}, {key, value}}));
  };
  EXPECT_EQ(registering("comm.backend", "auto"), "accepted");
  EXPECT_EQ(registering("comm.backend", "nccl"), "accepted");
  EXPECT_EQ(registering("comm.algorithm", "native"), "accepted");
  const std::string begin = "at comm.register_buffers: comm.register_buffers: true contradicts ";
  const std::string end = ": MPI does not register buffers";
  EXPECT_EQ(registering("comm.backend", "mpi"), begin + "comm.backend: mpi" + end);
  EXPECT_EQ(registering("comm.algorithm", "pairwise"),
            begin + "comm.algorithm: pairwise, which is for MPI" + end);
  EXPECT_EQ(registering("emulated_link.latency_us", 1.0),
            begin + "emulated_link, which is for MPI" + end);
}

TEST(Validate, RefusesRecomputationThatLeavesNothingToTheOtherSetting) {
  const auto recompute = [](const char* word, const char* attention, bool keep) {
    return verdict(changed({{"recompute", word},
                            {"model.attention", attention},
                            {"parallel.sequence", true},
                            {"parallel.keep_gathered", keep}}));
  };
  EXPECT_EQ(recompute("selective", "blocked", false),
            "at recompute: recompute: selective contradicts model.attention: blocked (at "
            "model.attention), which saves no attention core that could be left to backward");
  EXPECT_EQ(recompute("full", "materialized", true),
            "at recompute: recompute: full contradicts parallel.keep_gathered: true (at "
            "parallel.keep_gathered), since only the layers' own inputs are saved, and none of "
            "them is gathered");
  EXPECT_EQ(recompute("none", "blocked", true), "accepted");
  EXPECT_EQ(recompute("selective", "materialized", true), "accepted");
  EXPECT_EQ(recompute("full", "materialized", false), "accepted");
  EXPECT_EQ(recompute("full", "blocked", false), "accepted");
}

TEST(Validate, KeepsToWhatBlasCounts) {
  EXPECT_EQ(judged({{"model.hidden_size", 1 << 30}}),
            "at model.hidden_size: model.hidden_size: 3 x hidden_size = 3221225472 is over the "
            "largest matrix dimension of BLAS (2^31 - 1)");
  EXPECT_EQ(judged({{"model.hidden_size", 600'000'000}}),
            "at model.hidden_size: model.hidden_size: 4 x hidden_size = 2400000000 is over the "
            "largest matrix dimension of BLAS (2^31 - 1)");
  EXPECT_EQ(judged({{"model.seq_length", 1 << 16}, {"model.micro_batch_size", 1 << 16}}),
            "at model.seq_length: model.seq_length: seq_length x micro_batch_size = 4294967296 is "
            "over the largest matrix dimension of BLAS (2^31 - 1)");
  EXPECT_EQ(judged({{"model.seq_length", 1}, {"model.micro_batch_size", 1 << 24}}),
            "at model.micro_batch_size: model.micro_batch_size: micro_batch_size x 3 x hidden_size "
            "= 3221225472 is over the largest matrix dimension of BLAS (2^31 - 1)");
}

// Collectives are cut if a library cannot count them. Only a run can know this.
TEST(Validate, HasNoLimitOfACollective) {
  EXPECT_EQ(judged({{"model.micro_batch_size", 1 << 20}}), "accepted");
  // 6 x 64 x layers elements of gradients that sequence parallelism sums up.
  EXPECT_EQ(verdict(changed({{"model.num_layers", std::int64_t{5592406}},
                             {"parallel.tensor", std::int64_t{2}},
                             {"parallel.sequence", true}})),
            "accepted");
}

TEST(Validate, KeepsByteCountsFarFromTheEndOf64Bits) {
  EXPECT_EQ(judged({{"model.seq_length", 1 << 25},
                    {"model.hidden_size", 32},
                    {"model.num_attention_heads", 32}}),
            "at model.seq_length: model.seq_length: num_attention_heads x micro_batch_size x "
            "seq_length^2 x 4 bytes x 2 layers = 288230376151711744 is over 64 PiB");
  EXPECT_EQ(judged({{"model.hidden_size", 1 << 29},
                    {"model.num_layers", 1 << 16},
                    {"model.seq_length", 1},
                    {"model.ffn_hidden_size", 4}}),
            "at model.hidden_size: model.hidden_size: 3 x hidden_size^2 x 4 bytes x 65536 "
            "layers = about 2.27e+23 is over 64 PiB");
}

TEST(Validate, CountsScoresInTheElementsOfThePrecisionWhereTheyAreHeld) {
  // 2^5 heads x 2^50 scores x 2 bytes are 64 PiB.
  const auto scores = [](const char* precision, const char* attention) {
    return verdict(changed({{"model.num_layers", std::int64_t{1}},
                            {"model.hidden_size", std::int64_t{32}},
                            {"model.num_attention_heads", std::int64_t{32}},
                            {"model.seq_length", std::int64_t{1} << 25},
                            {"model.attention", attention},
                            {"precision", precision}}));
  };
  EXPECT_EQ(scores("bf16", "materialized"), "accepted");
  EXPECT_EQ(scores("fp32", "materialized"),
            "at model.seq_length: model.seq_length: num_attention_heads x micro_batch_size x "
            "seq_length^2 x 4 bytes x 1 layers = 144115188075855872 is over 64 PiB");
  EXPECT_EQ(scores("fp32", "blocked"), "accepted");
}

TEST(Validate, KeepsOperationCountsFarFromTheEndOf64Bits) {
  EXPECT_EQ(judged({{"model.hidden_size", 1 << 18},
                    {"model.seq_length", 1 << 12},
                    {"model.num_layers", 1 << 12}}),
            "at model.hidden_size: model.hidden_size: 6 x layers x tokens x 4 x hidden_size^2 = "
            "about 2.77e+19 is over 2^60 operations per step");
}

TEST(Validate, RefusesAVocabularyOfOne) {
  EXPECT_EQ(judged({{"model.vocab_size", 0}}), "accepted");
  EXPECT_EQ(judged({{"model.vocab_size", 2}}), "accepted");
  EXPECT_EQ(judged({{"model.vocab_size", 1}}),
            "at model.vocab_size: model.vocab_size: 1 is out of range, expected 0 (no ends) or at "
            "least 2: the loss over a single token is always 0");
}

TEST(Validate, RefusesAVocabularyThatLeavesARankWithPaddingAlone) {
  const auto padded = [](std::int64_t vocabulary, std::int64_t t) {
    return judged({{"model.vocab_size", vocabulary}, {"parallel.tensor", t}});
  };
  EXPECT_EQ(padded(2, 2), "accepted");
  EXPECT_EQ(padded(3, 2), "accepted");
  EXPECT_EQ(padded(4, 4), "accepted");
  EXPECT_EQ(padded(7, 4), "accepted") << "2 ids each, the last rank has one";
  const std::string tail = " on each, the last rank would own nothing but padding";
  EXPECT_EQ(padded(2, 4),
            "at parallel.tensor: parallel.tensor: 4 is too many for vocab_size 2: with 1" + tail);
  EXPECT_EQ(padded(3, 4),
            "at parallel.tensor: parallel.tensor: 4 is too many for vocab_size 3: with 1" + tail);
  EXPECT_EQ(padded(6, 4),
            "at parallel.tensor: parallel.tensor: 4 is too many for vocab_size 6: with 2" + tail);
}

TEST(Validate, KeepsTheEndsToWhatBlasCounts) {
  EXPECT_EQ(judged({{"model.vocab_size", max_size}}), "accepted");
  EXPECT_EQ(judged({{"model.vocab_size", max_size}, {"parallel.tensor", 2}}),
            "at model.vocab_size: model.vocab_size: vocab_size padded to a multiple of tensor = "
            "2147483648 is over the largest matrix dimension of BLAS (2^31 - 1)");
  // Three numbers per token from each of 64 ranks. The collective is cut.
  EXPECT_EQ(judged({{"model.num_attention_heads", 64},
                    {"parallel.tensor", 64},
                    {"model.seq_length", 64},
                    {"model.micro_batch_size", 174763},
                    {"model.vocab_size", 64}}),
            "accepted");
}

TEST(Validate, KeepsTheEndsFarFromTheEndOf64Bits) {
  using Changes = std::vector<std::pair<std::string, Value>>;
  // 2^26 features x 2^29 ids x 2 bytes are 64 PiB.
  const Changes wide = {{"model.num_layers", std::int64_t{1}},
                        {"model.hidden_size", std::int64_t{1} << 26},
                        {"model.ffn_hidden_size", std::int64_t{4}},
                        {"model.seq_length", std::int64_t{1}}};
  // 2^26 tokens x 2^28 ids x 4 bytes. A logit has 4 bytes in bf16, too.
  const Changes many = {{"model.num_layers", std::int64_t{1}},
                        {"model.hidden_size", std::int64_t{4}},
                        {"model.seq_length", std::int64_t{1}},
                        {"model.micro_batch_size", std::int64_t{1} << 26}};
  const auto judged_in = [](Changes changes, const char* precision, std::int64_t vocabulary) {
    changes.emplace_back("precision", precision);
    changes.emplace_back("model.vocab_size", vocabulary);
    return verdict(changed(changes));
  };
  const std::string at = "at model.vocab_size: model.vocab_size: ";
  EXPECT_EQ(judged_in(wide, "bf16", 1 << 29), "accepted");
  EXPECT_EQ(judged_in(wide, "bf16", (1 << 29) + 1),
            at + "hidden_size x padded vocab_size x 2 bytes = 72057594172145664 is over 64 PiB");
  EXPECT_EQ(judged_in(many, "bf16", 1 << 28), "accepted");
  EXPECT_EQ(judged_in(many, "bf16", (1 << 28) + 1),
            at + "tokens x padded vocab_size x 4 bytes = 72057594306363392 is over 64 PiB");
  EXPECT_EQ(judged_in(many, "fp64", 1 << 28),
            at + "tokens x padded vocab_size x 8 bytes = 144115188075855872 is over 64 PiB");
}

TEST(Validate, KeepsOperationsOfTheEndsFarFromTheEndOf64Bits) {
  // 6 x 2^16 tokens x 2^14 features x V: 2^60 / (6 x 2^30) = 178956970.67.
  const auto operations = [](std::int64_t vocabulary, std::int64_t t) {
    return judged({{"model.num_layers", 1},
                   {"model.hidden_size", 1 << 14},
                   {"model.seq_length", 1 << 10},
                   {"model.micro_batch_size", 1 << 6},
                   {"model.vocab_size", vocabulary},
                   {"parallel.tensor", t}});
  };
  const std::string formula =
      "at model.vocab_size: model.vocab_size: 6 x tokens x hidden_size x padded vocab_size = ";
  EXPECT_EQ(operations(178956970, 1), "accepted");
  EXPECT_EQ(operations(178956971, 1),
            formula + "1152921506754330624 is over 2^60 operations per step");
  EXPECT_EQ(operations(178956970, 4),
            formula + "1152921513196781568 is over 2^60 operations per step")
      << "padding is multiplied, too";
}

TEST(Locate, FallsBackToTheSectionAndTheFile) {
  Case c;
  c.index = 3;
  EXPECT_EQ(c.locate("model.hidden_size"), "case 3");
  c.locations = {{"", "f:1:1"}, {"model", "f:2:1"}, {"model.seq_length", "f:3:15"}};
  EXPECT_EQ(c.locate("model.seq_length"), "f:3:15");
  EXPECT_EQ(c.locate("model.hidden_size"), "f:2:1");
  EXPECT_EQ(c.locate("parallel.tensor"), "f:1:1");
  EXPECT_EQ(c.locate("precision"), "f:1:1");
}

}  // namespace
}  // namespace tidemark::config
