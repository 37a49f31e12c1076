// SPDX-License-Identifier: BSD-3-Clause
// The formulas of the Llama family, by hand. Covers the differences from GPT, for g = a, g < a and
// t > g.
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "cases.hpp"
#include "config/preset.hpp"
#include "support/sharding.hpp"
#include "support/words.hpp"
#include "theory/activation.hpp"
#include "theory/flops.hpp"
#include "theory/layer_parts.hpp"
#include "theory/memory.hpp"
#include "theory/traffic.hpp"

namespace tidemark::theory {
namespace {

using comm::Operation;
using comm::Purpose;
using testing::make_llama;

using BytesByName = std::map<std::string, std::int64_t>;

BytesByName layer_tensors(const config::Case& c) {
  BytesByName bytes;
  for (const SavedTensor& tensor : saved_tensors_per_layer(c)) bytes[tensor.name] = tensor.bytes;
  return bytes;
}

config::Case preset_case(const std::string& name) {
  for (const config::Preset& preset : config::presets()) {
    if (preset.name == name) return config::case_of(preset);
  }
  throw std::runtime_error("no preset " + name);
}

TEST(LlamaTheory, EveryTensorOfALayer) {
  // d 4. On two ranks, each has 2 heads of queries and 1 of keys and values: 16 columns of qkv.
  config::Case c = make_llama(8, 3, 16, 4, 2, 2);
  BytesByName expected{{"norm1 input", 1536},     // 8·3·16·4
                       {"norm1 statistics", 96},  // 8·3·1·4
                       {"qkv input", 1536},       // 8·3·16·4
                       {"qkv", 1536},             // 8·3·16·4
                       {"softmax output", 1536},  // 3·2·8·8·4
                       {"proj input", 768},       // 8·3·8·4
                       {"norm2 input", 1536},     // 8·3·16·4
                       {"norm2 statistics", 96},  // 8·3·1·4
                       {"fc1 input", 1536},       // 8·3·16·4
                       {"fc1 output", 4608},      // 8·3·48·4
                       {"fc2 input", 2304}};      // 8·3·24·4
  EXPECT_EQ(layer_tensors(c), expected);
  EXPECT_EQ(norm_statistics_bytes_per_layer(c), 192);

  c.model.attention = config::Attention::blocked;
  expected.erase("softmax output");
  expected["attention log-sum-exp"] = 192;  // 3·2·8·4
  EXPECT_EQ(layer_tensors(c), expected);

  c.parallel.sequence = true;
  for (const char* name : {"norm1 input", "norm1 statistics", "qkv input", "norm2 input",
                           "norm2 statistics", "fc1 input"}) {
    expected.at(name) /= 2;
  }
  EXPECT_EQ(layer_tensors(c), expected);
  c.recompute = config::Recompute::full;
  EXPECT_EQ(layer_tensors(c), (BytesByName{{"norm1 input", 768}}));
}

TEST(LlamaTheory, KeepsTheOrderOfTheForwardPass) {
  std::vector<std::string> names;
  for (const auto& tensor : saved_tensors_per_layer(make_llama(8, 1, 16, 4, 4))) {
    names.push_back(tensor.name);
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"norm1 input", "norm1 statistics", "qkv input", "qkv",
                                      "softmax output", "proj input", "norm2 input",
                                      "norm2 statistics", "fc1 input", "fc1 output", "fc2 input"}));
}

TEST(LlamaTheory, RanksThatOutnumberTheGroupsHoldAHeadEach) {
  // 8 heads of 2 features. A rank has 8/t of them, and k and v of max(g/t, 1) groups.
  const auto qkv = [](std::int64_t g, std::int64_t t) {
    return layer_tensors(make_llama(8, 1, 16, 8, g, t)).at("qkv") / (8 * 4);
  };
  EXPECT_EQ(qkv(8, 1), 48);
  EXPECT_EQ(qkv(2, 1), 16 + 8);
  EXPECT_EQ(qkv(2, 2), 8 + 4);
  EXPECT_EQ(qkv(2, 4), 4 + 4);
  EXPECT_EQ(qkv(2, 8), 2 + 4);
  EXPECT_EQ(qkv(1, 8), 2 + 4);
}

TEST(LlamaTheory, ClosedFormulaByHand) {
  // sb 8, h 16, a 8, d 2, ffn 48 in bf16. Unsharded with g = 2: 4 + 4 + 2 + 2 of sbh, k and v
  // 2·2·sb·4, 6 sb ffn, and 2as²b.
  config::Case c = make_llama(8, 1, 16, 8, 2);
  c.precision = DType::bf16;
  const std::int64_t sbh = 8 * 16;
  const std::int64_t square = 2 * 8 * 8 * 8;
  EXPECT_EQ(published_bytes_per_layer(c), 12 * sbh + 2 * 2 * 8 * 4 + 6 * 8 * 48 + square);
  c.parallel.tensor = 4;  // t > g: one head each of k and v
  EXPECT_EQ(published_bytes_per_layer(c),
            8 * sbh + (4 * sbh + 6 * 8 * 48 + square) / 4 + 2 * 2 * 8 * 2);
  c.parallel.sequence = true;
  EXPECT_EQ(published_bytes_per_layer(c), (12 * sbh + 6 * 8 * 48 + square) / 4 + 2 * 2 * 8 * 2);
  c.parallel.keep_gathered = true;
  EXPECT_EQ(published_bytes_per_layer(c),
            4 * sbh + (8 * sbh + 6 * 8 * 48 + square) / 4 + 2 * 2 * 8 * 2);
  c.model.attention = config::Attention::blocked;  // 4asb in place of the square
  EXPECT_EQ(published_bytes_per_layer(c),
            4 * sbh + (8 * sbh + 6 * 8 * 48 + 4 * 8 * 8) / 4 + 2 * 2 * 8 * 2);
}

TEST(LlamaTheory, ClosedFormulaEqualsTheSumOfTensors) {
  int compared = 0;
  for (const std::int64_t g : {1, 2, 4, 8}) {
    for (const std::int64_t t : {1, 2, 4, 8}) {
      for (const support::Sharding sharding : support::all_shardings) {
        for (const char* attention : {"materialized", "blocked"}) {
          for (const char* recompute : {"none", "selective", "full"}) {
            for (const DType precision : {DType::bf16, DType::fp32, DType::fp64}) {
              config::Case c = make_llama(24, 3, 80, 8, g, t, is_sequence(sharding));
              c.parallel.keep_gathered = keeps_gathered(sharding);
              support::set_word(c.model.attention, attention);
              support::set_word(c.recompute, recompute);
              c.precision = precision;
              c.model.vocab_size = 8 * g;
              const auto where = ::testing::Message() << "g " << g << " t " << t << " " << sharding
                                                      << " " << attention << " " << recompute;
              EXPECT_EQ(published_bytes_per_layer(c), saved_bytes_per_layer(c)) << where;
              EXPECT_EQ(published_bytes_of_ends(c), saved_bytes_of_ends(c)) << where;
              ++compared;
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(compared, 4 * 4 * 3 * 2 * 3 * 3);
}

TEST(LlamaTheory, EndsHaveATableEachAndNoMask) {
  config::Case c = make_llama(8, 3, 16, 4, 2, 2);
  c.model.vocab_size = 11;  // padded to 12
  std::vector<std::string> names;
  for (const auto& tensor : saved_tensors_of_ends(c)) names.push_back(tensor.name);
  EXPECT_EQ(names, (std::vector<std::string>{"final norm input", "final norm statistics",
                                             "output projection input", "logits"}));
  EXPECT_EQ(norm_statistics_bytes_of_ends(c), 8 * 3 * 4);
  EXPECT_EQ(parameters_of_ends(c), 2 * 6 * 16 + 16);
}

TEST(LlamaTheory, ParametersOfOneRank) {
  EXPECT_EQ(parameters_per_layer(make_llama(8, 1, 16, 4, 2)),
            32 * 16 + 16 * 16 + 96 * 16 + 16 * 48 + 2 * 16);
  EXPECT_EQ(parameters_per_layer(make_llama(8, 1, 16, 4, 2, 2)),
            16 * 16 + 16 * 8 + 48 * 16 + 16 * 24 + 2 * 16);
  // Four ranks hold the keys and values of two groups twice, so each has 4 + 2·4 columns of qkv.
  EXPECT_EQ(parameters_per_layer(make_llama(8, 1, 16, 4, 2, 4)),
            12 * 16 + 16 * 4 + 24 * 16 + 16 * 12 + 2 * 16);
}

TEST(LlamaTheory, ParametersOfPublishedModels) {
  struct Published {
    const char* name;
    double billions;
    double digits;  ///< of the published number
  };
  for (const auto& [name, billions, digits] :
       {Published{"llama-2-7b", 6.738, 0.001}, Published{"llama-2-70b", 68.977, 0.001},
        Published{"llama-3-8b", 8.030, 0.001}, Published{"llama-3-70b", 70.554, 0.001},
        Published{"llama-3-405b", 405.853, 0.001},
        // GPT's learned positions (2048 h) are not part of the stack.
        Published{"gpt-175b", 174.6 - 2048 * 12288 * 1e-9, 0.05}, Published{"gpt-530b", 529.6, 0.1},
        Published{"gpt-1t", 1008.0, 0.1}}) {
    const auto parameters = static_cast<double>(parameters_per_rank(preset_case(name)));
    EXPECT_NEAR(parameters * 1e-9, billions, digits) << name;
  }
}

TEST(LlamaTheory, EveryProductOfAStep) {
  config::Case c = make_llama(6, 2, 8, 4, 2);
  c.model.num_layers = 3;
  c.model.vocab_size = 10;
  // 12 tokens; qkv 16 columns, proj 8, fc1 48, fc2 8 from 24; scores and context of 4 heads of 2.
  const double linear = 2.0 * 12 * 8 * (16 + 8 + 48 + 24);
  const double core = 2.0 * 4 * 2 * (2.0 * 6 * 6 * 2);
  const double logits = 3 * 2.0 * 12 * 8 * 10;
  EXPECT_EQ(model_flops_per_step(c), 3 * 3 * (linear + core) + logits);
  EXPECT_EQ(launched_flops_per_step(c), model_flops_per_step(c));
  c.parallel.tensor = 2;
  EXPECT_EQ(launched_flops_per_step(c), model_flops_per_step(c) / 2);
  c.parallel.tensor = 4;  // k and v of each group twice: 4 more columns on each of two ranks
  c.model.vocab_size = 0;
  EXPECT_EQ(model_flops_per_step(c), 3 * 3 * (linear + core));
  EXPECT_EQ(4 * launched_flops_per_step(c),
            model_flops_per_step(c) + 3 * 3 * 2.0 * 12 * 8 * (2 * 2 * 2));
}

TEST(LlamaTheory, NormWeightsAloneAreReplicated) {
  config::Case c = make_llama(8, 5, 16, 4, 4, 4, true);
  c.model.num_layers = 3;
  auto traffic = step_traffic(c);
  ASSERT_EQ(traffic.size(), 3U);
  EXPECT_EQ(traffic[2].operation, Operation::all_reduce);
  EXPECT_EQ(traffic[2].purpose, Purpose::gradient);
  EXPECT_EQ(traffic[2].message_bytes, 3 * 2 * 16 * 4);
  c.model.vocab_size = 100;
  EXPECT_EQ(step_traffic(c)[2].message_bytes, (3 * 2 + 1) * 16 * 4);
  EXPECT_EQ(exchange_buffer_bytes(c), 0);
}

TEST(LlamaTheory, ReplicatedKeysAndValuesExchangeTheirGradients) {
  for (const bool sequence : {false, true}) {
    for (const char* mode : {"none", "ring"}) {
      config::Case c = make_llama(8, 5, 16, 8, 2, 8, sequence);
      c.model.num_layers = 3;
      support::set_word(c.overlap.mode, mode);
      const config::Case alone = [&] {
        config::Case other = c;
        other.model.num_query_groups = 8;
        return other;
      }();
      const auto traffic = step_traffic(c);
      ASSERT_EQ(traffic.size(), step_traffic(alone).size() + 1);
      const StepTraffic& exchange = traffic.back();
      EXPECT_EQ(exchange.operation, Operation::send_recv);
      EXPECT_EQ(exchange.purpose, Purpose::gradient);
      // Three layers. Each rank exchanges with the three others of a group of four. 2·2 rows of 16
      // fp32 elements.
      EXPECT_EQ(exchange.calls, 9);
      EXPECT_EQ(exchange.message_bytes, 9 * 256);
      EXPECT_EQ(exchange.wire_bytes, 9 * 256);
      EXPECT_EQ(exchange_buffer_bytes(c), 3 * 256);
      c.precision = DType::bf16;
      EXPECT_EQ(exchange_buffer_bytes(c), 3 * 256) << "gradients are fp32";
      EXPECT_EQ(wire_bytes_per_step(c, Purpose::activation),
                wire_bytes_per_step(alone, Purpose::activation) / 2);
    }
  }
  EXPECT_EQ(exchange_buffer_bytes(make_llama(8, 1, 16, 8, 8, 8)), 0);
  EXPECT_EQ(exchange_buffer_bytes(testing::make_case(8, 1, 16, 8, 8)), 0);
}

TEST(LlamaTheory, HasOneTableOfAngles) {
  config::Case c = make_llama(12, 5, 16, 8, 2, 4);
  EXPECT_EQ(rotary_table_bytes(c), 12 * 2 * 4);  // s 12, d 2, fp32
  c.model.num_layers = 3;
  c.precision = DType::bf16;
  EXPECT_EQ(rotary_table_bytes(c), 12 * 2 * 4) << "angles are fp32";
  EXPECT_EQ(rotary_table_bytes(testing::make_case(8, 1, 16, 8, 8)), 0);
}

TEST(LlamaTheory, RefusesUnevenGroups) {
  EXPECT_THROW((void)parts_of(make_llama(12, 1, 24, 12, 6, 4)), BrokenInvariant);
  EXPECT_THROW((void)parts_of(make_llama(12, 1, 24, 12, 4, 6)), BrokenInvariant);
  EXPECT_EQ(parts_of(make_llama(12, 1, 24, 12, 3, 12)).attention.replicas, 4);
}

}  // namespace
}  // namespace tidemark::theory
