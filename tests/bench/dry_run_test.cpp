// SPDX-License-Identifier: BSD-3-Clause
// A dry run needs no memory, no device and no values.
#include "bench/dry_run/dry_run.hpp"

#include <gtest/gtest.h>

#include "memory/allocations.hpp"
#include "support/cases.hpp"

namespace tidemark::bench {
namespace {

/// GPT-3 with 175 billion parameters, on one of 8 ranks. No machine that runs the tests can hold
/// it.
config::Case gpt3() {
  config::Case c;
  c.model.num_layers = 96;
  c.model.hidden_size = 12288;
  c.model.ffn_hidden_size = 4 * 12288;
  c.model.num_attention_heads = 96;
  c.model.num_query_groups = 96;
  c.model.seq_length = 2048;
  c.precision = DType::bf16;
  c.parallel.tensor = 8;
  return c;
}

constexpr std::int64_t mebibyte = std::int64_t{1} << 20;

// Korthikanti et al. (2022), as the design quotes them: 552, 342, 102 MiB per layer and rank.
TEST(DryRun, OfAPublishedModelSavesThePublishedBytes) {
  config::Case c = gpt3();
  EXPECT_EQ(plan_case(c).memory.saved_per_layer, 552 * mebibyte);
  c.parallel.sequence = true;
  EXPECT_EQ(plan_case(c).memory.saved_per_layer, 342 * mebibyte);
  c.recompute = config::Recompute::selective;
  const PlanResult plan = plan_case(c);
  EXPECT_EQ(plan.memory.saved_per_layer, 102 * mebibyte);
  EXPECT_EQ(plan.memory.saved, 96 * 102 * mebibyte);
  c.recompute = config::Recompute::full;
  EXPECT_EQ(plan_case(c).memory.saved_per_layer, 6 * mebibyte);
}

TEST(DryRun, AllocatesNothingOfTheCase) {
  const memory::AllocationWatch watch;
  for (const DType precision : {DType::fp64, DType::fp32, DType::bf16}) {
    for (const config::Case& c : support::variants(4, precision)) (void)plan_case(c);
  }
  EXPECT_EQ(watch.count(), 0) << watch.first();
}

// By hand, for t 8 on two nodes of four: an all-gather in two levels sends one block of seven over
// the network, and in pairs four of seven. Neither is known where the algorithm is not.
TEST(Plan, TellsTheBytesBetweenNodesIfItKnowsTheAlgorithm) {
  config::Case c = gpt3();
  c.comm.backend = config::Backend::mpi;
  const auto gathered = [&](config::Algorithm algorithm, std::optional<int> ranks_per_node) {
    c.comm.algorithm = algorithm;
    return plan_case(c, config::Products::automatic, ranks_per_node).calls.at(0);
  };
  const CallLine levels = gathered(config::Algorithm::hierarchical, 4);
  const auto wire = static_cast<double>(levels.wire_bytes);
  EXPECT_NEAR(levels.sent.value().network_bytes, wire / 7, wire * 1e-9);
  EXPECT_EQ(levels.sent->node_bytes + levels.sent->network_bytes, wire);
  const CallLine pairs = gathered(config::Algorithm::pairwise, 4);
  EXPECT_NEAR(pairs.sent.value().network_bytes, wire * 4 / 7, wire * 1e-9);
  EXPECT_EQ(gathered(config::Algorithm::automatic, 8).sent.value().network_bytes, 0.0);
  EXPECT_FALSE(gathered(config::Algorithm::automatic, 4).sent);
  EXPECT_FALSE(gathered(config::Algorithm::pairwise, std::nullopt).sent);
}

TEST(Plan, RefusesTwoLevelsOnUnevenNodes) {
  config::Case c = gpt3();
  c.comm.backend = config::Backend::mpi;
  c.comm.algorithm = config::Algorithm::hierarchical;
  EXPECT_THROW((void)plan_case(c, config::Products::automatic, 3), InputError);
  EXPECT_NO_THROW((void)plan_case(c, config::Products::automatic, 2));
}

TEST(DryRun, RepeatsItself) {
  const DryRun first = run_dry(gpt3());
  const DryRun second = run_dry(gpt3());
  EXPECT_EQ(first.tide.peak_bytes, second.tide.peak_bytes);
  EXPECT_EQ(first.pool_bytes, second.pool_bytes);
  EXPECT_GE(first.pool_bytes, static_cast<std::int64_t>(first.tide.peak_bytes));
}

// Checks the accounts of both ends. With many layers, nobody would notice an error in an end.
TEST(DryRun, KeepsTheEndsApartFromTheLayers) {
  const config::Case c = support::with_ends(support::small_case(2, true, DType::bf16), 30);
  const MemoryFigures figures = plan_case(c).memory;
  // s b = 36, h = 24, half of each row here: mask, final norm input, projection input, logits.
  EXPECT_EQ(figures.saved_of_ends, 18 * 24 * (1 + 2 + 2) + 36 * 15 * 4);
  EXPECT_EQ(figures.closed_formula_of_ends, figures.saved_of_ends);
  EXPECT_EQ(figures.formula_of_ends, figures.saved_of_ends);
  EXPECT_EQ(figures.saved, 2 * figures.saved_per_layer + figures.saved_of_ends);
  ASSERT_EQ(figures.of_ends.size(), 5U);
  for (const SavedLine& line : figures.of_ends) {
    EXPECT_EQ(line.bytes, line.formula_bytes) << line.name;
    EXPECT_EQ(line.in_formula, line.name != "final norm statistics");
  }
}

}  // namespace
}  // namespace tidemark::bench
