// SPDX-License-Identifier: BSD-3-Clause
#include "theory/flops.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "cases.hpp"
#include "support/words.hpp"

namespace tidemark::theory {
namespace {

using testing::make_case;

/// Operations of a product of an m x k and a k x n matrix.
std::int64_t product(std::int64_t m, std::int64_t n, std::int64_t k) { return 2 * m * n * k; }

TEST(FlopsTheory, EveryProductOfAStep) {
  config::Case c = make_case(6, 2, 8, 2);
  c.model.ffn_hidden_size = 20;
  c.model.num_layers = 3;
  const std::int64_t tokens = 6 * 2;
  const std::int64_t linear =
      product(tokens, 24, 8) + product(tokens, 8, 8) + product(tokens, 20, 8) * 2;
  const std::int64_t core = 2 * 2 * (product(6, 6, 4) + product(6, 4, 6));
  EXPECT_EQ(model_flops_per_step(c), static_cast<double>(3 * 3 * (linear + core)));
  EXPECT_EQ(launched_flops_per_step(c), model_flops_per_step(c));
  c.model.vocab_size = 10;
  EXPECT_EQ(model_flops_per_step(c),
            static_cast<double>(3 * 3 * (linear + core) + 3 * product(tokens, 10, 8)));
  EXPECT_EQ(launched_flops_per_step(c), model_flops_per_step(c));
}

TEST(FlopsTheory, AgreesWithThePublishedFormula) {
  // Narayanan et al. (2021): 96 B s l h² (1 + s/6h + V/16lh) with full recomputation. The layers'
  // extra forward pass is a quarter of it. Without, it is 72 B s l h² (1 + s/6h + V/12lh).
  config::Case c = make_case(2048, 4, 6144, 64, 8);
  c.model.num_layers = 48;
  c.model.vocab_size = 51200;
  const double layers = 4.0 * 2048 * 48 * 6144 * 6144;
  const double square = 2048 / (6.0 * 6144);
  const double ends = 51200 / (48.0 * 6144);
  EXPECT_NEAR(model_flops_per_step(c) / (72 * layers * (1 + square + ends / 12)), 1.0, 1e-14);
  c.recompute = config::Recompute::full;
  c.model.causal = false;  // the formula counts all scores
  EXPECT_NEAR(model_flops_per_step(c) / (72 * layers * (1 + square + ends / 12)), 1.0, 1e-14);
  EXPECT_NEAR(8 * launched_flops_per_step(c) / (96 * layers * (1 + square + ends / 16)), 1.0,
              1e-14);
}

TEST(FlopsTheory, HiddenBlocksAreOfTheModelButNotLaunched) {
  // s 600: of 256, 256 and 88 queries, the first see 256 keys, the next 512, the last all 600.
  config::Case c = make_case(600, 1, 32, 4);
  const double model = model_flops_per_step(c);
  const double hidden = 3.0 * 2 * 2 * 32 * (600 * 600 - (256 * 256 + 256 * 512 + 88 * 600));
  EXPECT_EQ(launched_flops_per_step(c), model - hidden);
  c.model.causal = false;
  EXPECT_EQ(model_flops_per_step(c), model);
  EXPECT_EQ(launched_flops_per_step(c), model);
}

TEST(FlopsTheory, RanksShareTheModelEvenly) {
  config::Case c = make_case(64, 1, 32, 8);
  c.model.num_layers = 3;
  const double model = model_flops_per_step(c);
  EXPECT_EQ(launched_flops_per_step(c), model);
  c.parallel.tensor = 4;
  EXPECT_EQ(model_flops_per_step(c), model);
  EXPECT_EQ(launched_flops_per_step(c), model / 4);
}

/// The operations of one rank in a step, counted product by product.
std::int64_t counted_operations(const config::Case& c) {
  const config::ModelConfig& m = c.model;
  const std::int64_t t = c.parallel.tensor;
  const std::int64_t h = m.hidden_size;
  const std::int64_t d = h / m.num_attention_heads;
  const std::int64_t block = m.is_blocked() ? 512 : 256;
  const int score_passes = c.recompute == config::Recompute::none ? 1 : 2;
  const int context_passes = c.recompute == config::Recompute::full ? 2 : 1;
  const int linear_passes = c.recompute == config::Recompute::full ? 2 : 1;
  std::int64_t count = 0;
  for (std::int64_t layer = 0; layer < m.num_layers; ++layer) {
    for (const std::int64_t weight :
         {3 * h * h, h * h, m.ffn_hidden_size * h, h * m.ffn_hidden_size}) {
      count += (linear_passes + 2) * product(m.tokens(), weight / t, 1);
    }
    for (std::int64_t head = 0; head < m.micro_batch_size * m.num_attention_heads / t; ++head) {
      for (std::int64_t i = 0; i < m.seq_length; i += block) {
        for (std::int64_t j = 0; j < m.seq_length; j += block) {
          if (m.causal && j > i) continue;
          const std::int64_t rows = std::min(block, m.seq_length - i);
          const std::int64_t columns = std::min(block, m.seq_length - j);
          const std::int64_t scores = product(rows, columns, d);
          const std::int64_t values = product(rows, d, columns);
          count += score_passes * scores + context_passes * values;
          if (m.is_blocked()) count += scores;         // again from q and k
          count += values + scores + values + values;  // dV, dP, dQ, dK
        }
      }
    }
  }
  const std::int64_t columns = (m.vocab_size + t - 1) / t;
  return count + 3 * product(m.tokens(), columns, h);
}

TEST(FlopsTheory, LaunchedProductsOneByOne) {
  struct Variant {
    const char* attention;
    const char* recompute;
  };
  for (const auto& [attention, recompute] :
       {Variant{"materialized", "none"}, Variant{"materialized", "selective"},
        Variant{"materialized", "full"}, Variant{"blocked", "none"}, Variant{"blocked", "full"}}) {
    for (const std::int64_t s : {40, 512, 1200, 2048}) {
      for (const std::int64_t t : {1, 2, 4}) {
        for (const bool causal : {false, true}) {
          config::Case c = make_case(s, 3, 24, 4, t);
          c.model.num_layers = 2;
          c.model.ffn_hidden_size = 56;
          c.model.vocab_size = 101;
          c.model.causal = causal;
          support::set_word(c.model.attention, attention);
          support::set_word(c.recompute, recompute);
          EXPECT_EQ(launched_flops_per_step(c), static_cast<double>(counted_operations(c)))
              << attention << " " << recompute << " s " << s << " t " << t << " causal " << causal;
        }
      }
    }
  }
}

TEST(FlopsTheory, RecomputationAddsWhatItRunsAgain) {
  // s 6, b 2, h 8, a 2, t 2: a rank's core is 4bs²h/t = 1152 and its four linear layers
  // 2sbh · 12h / t = 9216 operations forward.
  config::Case c = make_case(6, 2, 8, 2, 2);
  c.model.num_layers = 5;
  const double none = launched_flops_per_step(c);
  EXPECT_EQ(none, 5 * 3 * (9216 + 1152));
  c.recompute = config::Recompute::selective;
  EXPECT_EQ(launched_flops_per_step(c), none + 5 * 576);
  c.recompute = config::Recompute::full;
  EXPECT_EQ(launched_flops_per_step(c), none + 5 * (9216 + 1152));
  c.recompute = config::Recompute::none;
  c.model.attention = config::Attention::blocked;  // one block: five products in backward, not four
  EXPECT_EQ(launched_flops_per_step(c), none + 5 * 576);
  EXPECT_EQ(model_flops_per_step(c), 2 * none);
}

TEST(FlopsTheory, PaddingIsLaunchedButNotOfTheModel) {
  config::Case c = make_case(6, 2, 8, 4, 4);
  const double layers = launched_flops_per_step(c);
  c.model.vocab_size = 9;  // padded to 12: 3 columns per rank
  EXPECT_EQ(launched_flops_per_step(c), layers + 6.0 * 6 * 2 * 8 * 3);
  EXPECT_EQ(model_flops_per_step(c), 4 * layers + 6.0 * 6 * 2 * 8 * 9);
}

TEST(FlopsTheory, RoundedOnceBeyondTheDigitsOfADouble) {
  config::Case c = make_case(40961, 3, 9 * 9111, 9);
  c.model.causal = false;
  c.model.num_layers = 101;
  c.model.vocab_size = 50257;
  const std::int64_t count = counted_operations(c);
  ASSERT_GT(count, std::int64_t{1} << 62);
  EXPECT_EQ(model_flops_per_step(c), static_cast<double>(count));
  EXPECT_EQ(launched_flops_per_step(c), static_cast<double>(count));
}

TEST(FlopsTheory, RefusesAnUnevenCase) {
  EXPECT_THROW(launched_flops_per_step(make_case(8, 1, 16, 4, 3)), BrokenInvariant);
}

}  // namespace
}  // namespace tidemark::theory
