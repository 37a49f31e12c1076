// SPDX-License-Identifier: BSD-3-Clause
#include "theory/activation.hpp"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "cases.hpp"
#include "support/words.hpp"

namespace tidemark::theory {
namespace {

using testing::make_case;

using BytesByName = std::map<std::string, std::int64_t>;

BytesByName by_name(const std::vector<SavedTensor>& tensors) {
  BytesByName bytes;
  for (const SavedTensor& tensor : tensors) bytes[tensor.name] = tensor.bytes;
  return bytes;
}

BytesByName layer_tensors(const config::Case& c) { return by_name(saved_tensors_per_layer(c)); }

TEST(ActivationTheory, EveryTensorUnderTensorParallelism) {
  config::Case c = make_case(8, 3, 16, 4, 2);
  c.model.ffn_hidden_size = 40;
  const BytesByName expected{{"norm1 input", 1536},               // 8·3·16·4
                             {"norm1 statistics", 192},           // 8·3·2·4
                             {"qkv input", 1536},                 // 8·3·16·4
                             {"qkv", 2304},                       // 8·3·24·4
                             {"softmax output", 1536},            // 3·2·8·8·4
                             {"attention dropout mask", 384},     // 3·2·8·8
                             {"attention dropout output", 1536},  // 3·2·8·8·4
                             {"proj input", 768},                 // 8·3·8·4
                             {"hidden dropout mask 1", 384},      // 8·3·16
                             {"norm2 input", 1536},               // 8·3·16·4
                             {"norm2 statistics", 192},           // 8·3·2·4
                             {"fc1 input", 1536},                 // 8·3·16·4
                             {"gelu input", 1920},                // 8·3·20·4
                             {"fc2 input", 1920},                 // 8·3·20·4
                             {"hidden dropout mask 2", 384}};     // 8·3·16
  EXPECT_EQ(layer_tensors(c), expected);
  EXPECT_EQ(saved_bytes_per_layer(c), 17280);
  EXPECT_EQ(norm_statistics_bytes_per_layer(c), 384);
}

TEST(ActivationTheory, TwoByteElementsLeaveMasksAtOneByteAndStatisticsAtFour) {
  const config::Case c = make_case(8, 3, 16, 4, 2);
  BytesByName expected = layer_tensors(c);
  for (auto& [name, bytes] : expected) {
    const bool stays =
        name.find("mask") != std::string::npos || name.find("statistics") != std::string::npos;
    if (!stays) bytes /= 2;
  }
  config::Case half = c;
  half.precision = DType::bf16;
  EXPECT_EQ(layer_tensors(half), expected);
  EXPECT_EQ(norm_statistics_bytes_per_layer(half), 2 * 8 * 3 * 2 * 4);
  half.precision = DType::fp64;
  EXPECT_EQ(norm_statistics_bytes_per_layer(half), 2 * 8 * 3 * 2 * 8);
}

TEST(ActivationTheory, SequenceParallelismShardsWhatTensorParallelismLeavesWhole) {
  config::Case c = make_case(8, 3, 16, 4, 2);
  c.precision = DType::fp64;
  BytesByName expected = layer_tensors(c);
  for (const char* whole :
       {"norm1 input", "norm1 statistics", "qkv input", "hidden dropout mask 1", "norm2 input",
        "norm2 statistics", "fc1 input", "hidden dropout mask 2"}) {
    expected.at(whole) /= 2;
  }
  c.parallel.sequence = true;
  EXPECT_EQ(layer_tensors(c), expected);

  c.parallel.keep_gathered = true;
  expected.at("qkv input") *= 2;
  expected.at("fc1 input") *= 2;
  EXPECT_EQ(layer_tensors(c), expected);
}

TEST(ActivationTheory, OrderIsThatOfTheForwardPass) {
  const auto tensors = saved_tensors_per_layer(make_case(8, 1, 16, 4));
  ASSERT_EQ(tensors.size(), 15U);
  EXPECT_EQ(tensors.front().name, "norm1 input");
  EXPECT_EQ(tensors[3].name, "qkv");
  EXPECT_EQ(tensors.back().name, "hidden dropout mask 2");
}

TEST(ActivationTheory, OnlyNormStatisticsAreOutsideTheFormula) {
  config::Case c = make_case(8, 1, 16, 4);
  c.model.attention = config::Attention::blocked;
  c.model.vocab_size = 10;
  std::vector<SavedTensor> tensors = saved_tensors_per_layer(c);
  for (const SavedTensor& tensor : saved_tensors_of_ends(c)) tensors.push_back(tensor);
  ASSERT_EQ(tensors.size(), 13U + 5U);
  for (const SavedTensor& tensor : tensors) {
    const bool statistics = tensor.name.find("statistics") != std::string::npos;
    EXPECT_EQ(tensor.in_formula, !statistics) << tensor.name;
  }
}

TEST(ActivationTheory, ZeroDropoutStoresNeitherMasksNorOutput) {
  const config::Case full = make_case(16, 2, 32, 4, 2);
  BytesByName expected = layer_tensors(full);
  EXPECT_EQ(expected.erase("attention dropout mask") + expected.erase("attention dropout output"),
            2U);
  config::Case c = full;
  c.model.attention_dropout = 0.0;
  EXPECT_EQ(layer_tensors(c), expected);
  EXPECT_FALSE(published_bytes_per_layer(c).has_value());

  expected = layer_tensors(full);
  EXPECT_EQ(expected.erase("hidden dropout mask 1") + expected.erase("hidden dropout mask 2"), 2U);
  c = full;
  c.model.hidden_dropout = 0.0;
  EXPECT_EQ(layer_tensors(c), expected);
  EXPECT_FALSE(published_bytes_per_layer(c).has_value());
}

TEST(ActivationTheory, SelectiveRecomputationSavesNothingOfTheSquare) {
  config::Case c = make_case(8, 3, 16, 4, 2, true);
  BytesByName expected = layer_tensors(c);
  for (const char* square :
       {"softmax output", "attention dropout mask", "attention dropout output"}) {
    EXPECT_EQ(expected.erase(square), 1U);
  }
  c.recompute = config::Recompute::selective;
  EXPECT_EQ(layer_tensors(c), expected);
  EXPECT_EQ(norm_statistics_bytes_per_layer(c), 2 * 4 * 3 * 2 * 4);
}

TEST(ActivationTheory, BlockedAttentionSavesALogSumExpInstead) {
  for (const DType precision : {DType::bf16, DType::fp32, DType::fp64}) {
    config::Case c = make_case(8, 3, 16, 4, 2, true);
    c.precision = precision;
    config::Case selective = c;
    selective.recompute = config::Recompute::selective;
    BytesByName expected = layer_tensors(selective);
    expected["attention log-sum-exp"] = precision == DType::fp64 ? 384 : 192;  // 3·2·8·8 or ·4
    c.model.attention = config::Attention::blocked;
    EXPECT_EQ(layer_tensors(c), expected);
    // Its dropout mask is drawn again, so no byte depends on dropout.
    c.model.attention_dropout = 0.0;
    EXPECT_EQ(layer_tensors(c), expected);
    EXPECT_EQ(published_bytes_per_layer(c), saved_bytes_per_layer(c));
  }
}

TEST(ActivationTheory, FullRecomputationSavesTheInputAlone) {
  config::Case c = make_case(8, 3, 16, 4, 2);
  c.precision = DType::bf16;
  c.recompute = config::Recompute::full;
  for (const char* attention : {"materialized", "blocked"}) {
    support::set_word(c.model.attention, attention);
    c.parallel.sequence = false;
    EXPECT_EQ(layer_tensors(c), (BytesByName{{"norm1 input", 768}}));  // 8·3·16·2
    c.parallel.sequence = true;
    EXPECT_EQ(layer_tensors(c), (BytesByName{{"norm1 input", 384}}));
    c.parallel.keep_gathered = true;
    EXPECT_EQ(layer_tensors(c), (BytesByName{{"norm1 input", 384}}));
    EXPECT_EQ(norm_statistics_bytes_per_layer(c), 0);
    c.parallel.keep_gathered = false;
  }
}

TEST(ActivationTheory, EveryTensorOfTheEnds) {
  config::Case c = make_case(8, 3, 16, 4, 2);
  EXPECT_TRUE(saved_tensors_of_ends(c).empty());
  EXPECT_EQ(saved_bytes_of_ends(c), 0);
  EXPECT_EQ(norm_statistics_bytes_of_ends(c), 0);

  c.precision = DType::bf16;
  c.model.vocab_size = 11;                                 // padded to 12, so 6 columns per rank
  BytesByName expected{{"embedding dropout mask", 384},    // 8·3·16
                       {"final norm input", 768},          // 8·3·16·2
                       {"final norm statistics", 192},     // 8·3·2·4
                       {"output projection input", 768},   // 8·3·16·2
                       {"logits", 576}};                   // 8·3·6·4
  EXPECT_EQ(by_name(saved_tensors_of_ends(c)), expected);  // TP: whole
  EXPECT_EQ(saved_bytes_of_ends(c), 384 + 768 + 768 + 576);
  EXPECT_EQ(norm_statistics_bytes_of_ends(c), 192);

  c.parallel.sequence = true;
  for (auto& [name, bytes] : expected) bytes /= name == "logits" ? 1 : 2;
  EXPECT_EQ(by_name(saved_tensors_of_ends(c)), expected);
  c.parallel.keep_gathered = true;
  expected.at("output projection input") = 768;
  c.recompute = config::Recompute::full;  // concerns only the layers
  EXPECT_EQ(by_name(saved_tensors_of_ends(c)), expected);
  c.model.hidden_dropout = 0.0;
  expected.erase("embedding dropout mask");
  EXPECT_EQ(by_name(saved_tensors_of_ends(c)), expected);

  c.precision = DType::fp64;
  EXPECT_EQ(by_name(saved_tensors_of_ends(c)).at("logits"), 8 * 3 * 6 * 8);
  c.model.vocab_size = 1;  // one id, but each rank has a column
  EXPECT_EQ(by_name(saved_tensors_of_ends(c)).at("logits"), 8 * 3 * 1 * 8);
}

TEST(ActivationTheory, SequenceParallelismDividesAllOfOneRank) {
  const std::int64_t one = saved_bytes_per_layer(make_case(1024, 1, 2048, 16));
  EXPECT_EQ(saved_bytes_per_layer(make_case(1024, 1, 2048, 16, 4, true)) * 4, one);
  EXPECT_GT(saved_bytes_per_layer(make_case(1024, 1, 2048, 16, 4)) * 4, one);
  // With one rank there is nothing to shard, for every setting of the case.
  EXPECT_EQ(saved_bytes_per_layer(make_case(1024, 1, 2048, 16, 1, true)), one);
}

TEST(ActivationTheory, RefusesWhatItCannotCount) {
  const std::int64_t huge = std::int64_t{1} << 31;
  EXPECT_THROW(saved_bytes_per_layer(make_case(huge, 1, huge, 16)), RunError);
  EXPECT_THROW((void)published_bytes_per_layer(make_case(huge, 1, huge, 16)), RunError);
  EXPECT_THROW(saved_bytes_per_layer(make_case(8, 1, 16, 4, 3)), BrokenInvariant);
  EXPECT_THROW(saved_bytes_per_layer(make_case(9, 1, 16, 4, 2, true)), BrokenInvariant);
  config::Case ends = make_case(huge, 1, 16, 4);
  ends.model.vocab_size = huge;
  EXPECT_THROW(saved_bytes_of_ends(ends), RunError);
  EXPECT_THROW((void)published_bytes_of_ends(ends), RunError);
}

}  // namespace
}  // namespace tidemark::theory
