#include "theory/flops.hpp"

#include <gtest/gtest.h>

#include "cases.hpp"

namespace tidemark::theory {
namespace {

using testing::make_case;

TEST(FlopsTheory, EveryProductOfALayer) {
  config::Case c = make_case(6, 2, 8, 2);
  c.model.ffn_hidden_size = 20;
  const double rows = 6 * 2;
  const double qkv = 2 * rows * 8 * 24;
  const double proj = 2 * rows * 8 * 8;
  const double fc1 = 2 * rows * 8 * 20;
  const double fc2 = 2 * rows * 20 * 8;
  const double scores = 2 * (2 * 2) * 6 * 6 * 4;  // b·a products of [s, d] and [d, s]
  const double context = scores;
  EXPECT_EQ(forward_flops_per_layer(c), qkv + proj + fc1 + fc2 + scores + context);
  EXPECT_EQ(backward_flops_per_layer(c), 2 * forward_flops_per_layer(c));
}

TEST(FlopsTheory, AgreesWithThePublishedFormula) {
  // Narayanan et al. (2021): 96 B s l h² (1 + s/6h) with recomputation, of which a forward pass is
  // a quarter, so three quarters without; the logits' term is left out.
  config::Case c = make_case(2048, 4, 6144, 64, 8);
  c.model.num_layers = 48;
  const double published = 72.0 * 4 * 2048 * 48 * 6144.0 * 6144.0 * (1 + 2048 / (6.0 * 6144));
  EXPECT_NEAR(model_flops_per_step(c) / published, 1.0, 1e-14);
}

TEST(FlopsTheory, CausalCasesCountTheWholeSquare) {
  config::Case c = make_case(64, 1, 32, 4);
  c.model.causal = true;
  const double causal = model_flops_per_step(c);
  c.model.causal = false;
  EXPECT_EQ(model_flops_per_step(c), causal);
}

TEST(FlopsTheory, RanksShareTheModelEvenly) {
  config::Case c = make_case(64, 1, 32, 8);
  c.model.num_layers = 3;
  const double model = model_flops_per_step(c);
  EXPECT_EQ(model, 3 * 3 * forward_flops_per_layer(c));
  EXPECT_EQ(rank_flops_per_step(c), model);
  c.parallel.tensor = 4;
  EXPECT_EQ(model_flops_per_step(c), model);
  EXPECT_EQ(rank_flops_per_step(c), model / 4);
}

}  // namespace
}  // namespace tidemark::theory
