// Whole cases, from settings to figures, under every sharding of 1, 2 and 4 ranks.
#include "bench/runner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/error.hpp"
#include "support/cases.hpp"
#include "theory/activation.hpp"
#include "theory/flops.hpp"
#include "theory/traffic.hpp"

namespace tidemark::bench {
namespace {

class RunCase : public ::testing::Test {
 protected:
  CaseResult run(config::Case c) {
    c.bench.warmup = 1;
    c.bench.iterations = 3;
    const Environment environment{
        .device = device_,
        .session = session_,
        .device_name = "a device",
        .threads = 3,
        .progress = [this](const std::string& what) { progress_.insert(what); }};
    return run_case(c, environment, std::nullopt);
  }
  Device device_;
  comm::MpiSession session_;
  std::set<std::string> progress_;
};

TEST_F(RunCase, EveryShardingIsValidAndItsFiguresAreThoseOfTheory) {
  for (const DType precision : {DType::fp32, DType::fp64}) {
    for (const config::Case& c : support::variants(session_.size(), precision)) {
      const CaseResult result = run(c);
      for (const Check& check : result.verification.checks) {
        EXPECT_TRUE(check.passed()) << check.name << ' ' << check.value << ' ' << check.where;
      }
      ASSERT_TRUE(result.valid());
      EXPECT_EQ(result.ranks, session_.size());
      EXPECT_EQ(result.memory.saved_per_layer, theory::saved_bytes_per_layer(c));
      EXPECT_EQ(result.memory.formula_per_layer, theory::saved_bytes_per_layer(c));
      EXPECT_EQ(result.memory.closed_formula_per_layer, theory::paper_bytes_per_layer(c));
      EXPECT_GE(result.memory.peak, result.memory.saved);
      EXPECT_GE(result.memory.pool, result.memory.peak);
      for (const comm::Purpose purpose : comm::all_purposes) {
        EXPECT_EQ(result.wire_bytes(purpose), theory::wire_bytes_per_step(c, purpose));
      }
      EXPECT_EQ(result.model_flops_per_step, theory::model_flops_per_step(c));
    }
  }
}

TEST_F(RunCase, MeasuresEveryIterationAndEveryRank) {
  const CaseResult result = run(support::small_case(session_.size(), session_.size() > 1));
  for (const Summary& summary :
       {result.step_ms, result.forward_ms, result.backward_ms, result.gemm_gflops}) {
    EXPECT_EQ(summary.samples.size(), 3U);
    EXPECT_GT(summary.min, 0.0);
    EXPECT_LE(summary.min, summary.median);
    EXPECT_LE(summary.median, summary.max);
  }
  EXPECT_GE(result.step_ms.max, std::max(result.forward_ms.max, result.backward_ms.max));
  ASSERT_EQ(result.rank_details.size(), static_cast<std::size_t>(session_.size()));
  for (const RankDetail& rank : result.rank_details) {
    EXPECT_EQ(rank.device, "a device");
    EXPECT_EQ(rank.threads, 3);
    EXPECT_FALSE(rank.host.empty());
    EXPECT_GT(rank.step_ms, 0.0);
    EXPECT_LE(rank.step_ms, result.step_ms.max);
    EXPECT_EQ(rank.peak_bytes, result.memory.peak);  // the ranks are alike
  }
  EXPECT_TRUE(progress_.contains("warm-up 1/1"));
  EXPECT_TRUE(progress_.contains("iteration 3/3"));
}

TEST_F(RunCase, ChecksWhatItSaysItChecks) {
  const CaseResult result = run(support::small_case(session_.size(), false));
  std::set<std::string> names;
  for (const Check& check : result.verification.checks) names.insert(check.name);
  EXPECT_EQ(names,
            (std::set<std::string>{
                "gradient_against_differences", "twin_output", "twin_input_gradient",
                "twin_parameter_gradients", "twin_random_tensors", "saved_bytes_against_formula",
                "traffic_against_formula", "product_flops_against_formula",
                "pool_growth_after_warm_up", "not_finite_elements", "replicas_that_differ"}));
}

TEST_F(RunCase, WithoutVerificationThereIsNoVerdict) {
  config::Case c = support::small_case(session_.size(), false);
  c.bench.verify = false;
  const CaseResult result = run(c);
  EXPECT_FALSE(result.verification.performed());
  EXPECT_FALSE(result.valid());
  EXPECT_GT(result.step_ms.median, 0.0);
}

TEST_F(RunCase, ACaseTooLargeIsRefusedOnAllRanksBeforeItIsAllocated) {
  config::Case c = support::small_case(session_.size(), false, DType::fp32);
  c.model.hidden_size = 1 << 20;
  c.model.ffn_hidden_size = 1 << 22;
  c.model.num_layers = 100;
  try {
    run(c);
    FAIL() << "1.2 PB were granted";
  } catch (const RunError& error) {
    EXPECT_EQ(error.scope(), Scope::all_ranks);
    EXPECT_NE(std::string(error.what()).find("does not fit into memory"), std::string::npos);
  }
  EXPECT_TRUE(progress_.empty());
}

}  // namespace
}  // namespace tidemark::bench
