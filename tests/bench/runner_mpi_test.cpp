// SPDX-License-Identifier: BSD-3-Clause
// Whole cases, from settings to figures, under every sharding of 1, 2 and 4 ranks.
#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "bench/case/runner.hpp"
#include "bench/dry_run/dry_run.hpp"
#include "memory/process.hpp"
#include "support/cases.hpp"
#include "theory/activation.hpp"
#include "theory/flops.hpp"
#include "theory/traffic.hpp"

namespace tidemark::bench {
namespace {

class RunCase : public ::testing::Test {
 protected:
  CaseResult run(config::Case c, std::int64_t iterations = 3) {
    c.bench.warmup = 1;
    c.bench.iterations = c.bench.max_iterations = iterations;
    const RunContext shared{.device = device_,
                            .session = session_,
                            .device_identity = {"a device", "", ""},
                            .threads = 3,
                            .trace = trace_,
                            .progress = [this](const std::string& what) { progress_.insert(what); },
                            .cores = "0-1",
                            .slow_rank = slow_rank_};
    return run_case(c, shared, std::nullopt);
  }
  /// Expects that a plan of the same settings predicts the figures that were measured.
  static void expect_as_planned(const CaseResult& result) {
    const PlanResult plan = plan_case(result.settings);
    EXPECT_EQ(result.memory.peak, plan.memory.peak);
    EXPECT_EQ(result.memory.saved, plan.memory.saved);
    EXPECT_EQ(result.memory.norm_statistics, plan.memory.norm_statistics);
    EXPECT_EQ(result.memory.parameters, plan.memory.parameters);
    EXPECT_EQ(result.memory.gradients, plan.memory.gradients);
    EXPECT_EQ(result.memory.at_peak.size(), plan.memory.at_peak.size());
    ASSERT_EQ(result.calls.size(), plan.calls.size());
    for (std::size_t i = 0; i < plan.calls.size(); ++i) {
      EXPECT_EQ(result.calls[i].count, plan.calls[i].count);
      EXPECT_EQ(result.calls[i].message_bytes, plan.calls[i].message_bytes);
      EXPECT_EQ(result.calls[i].wire_bytes, plan.calls[i].wire_bytes);
    }
  }

  Device device_;
  job::MpiSession session_;
  std::set<std::string> progress_;
  bool trace_ = false;
  std::optional<SlowRank> slow_rank_;
};

TEST_F(RunCase, EveryVariantIsValidAndItsFiguresAreThoseOfTheory) {
  for (const DType precision : {DType::bf16, DType::fp32}) {
    for (const config::Case& c : support::variants(session_.size(), precision)) {
      SCOPED_TRACE(support::describe(c));
      const CaseResult result = run(c, 1);
      for (const Check& check : result.verification.checks) {
        EXPECT_TRUE(check.passed()) << check.name << ' ' << check.value << ' ' << check.where;
      }
      ASSERT_TRUE(result.valid());
      EXPECT_EQ(result.ranks, session_.size());
      EXPECT_EQ(result.memory.saved_per_layer, theory::saved_bytes_per_layer(c));
      EXPECT_EQ(result.memory.formula_per_layer, theory::saved_bytes_per_layer(c));
      EXPECT_EQ(result.memory.closed_formula_per_layer, theory::published_bytes_per_layer(c));
      EXPECT_EQ(result.memory.saved_of_ends, theory::saved_bytes_of_ends(c));
      EXPECT_GE(result.memory.peak, result.memory.saved);
      EXPECT_GE(result.memory.pool, result.memory.peak);
      for (const comm::Purpose purpose : comm::all_purposes) {
        EXPECT_EQ(wire_bytes(result.calls, purpose), theory::wire_bytes_per_step(c, purpose));
      }
      EXPECT_EQ(result.model_flops_per_step, theory::model_flops_per_step(c));
      EXPECT_EQ(result.launched_flops_per_rank, theory::launched_flops_per_step(c));
      EXPECT_EQ(result.loss.has_value(), c.model.has_ends());
      EXPECT_TRUE(result.traces.empty());
      expect_as_planned(result);
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
    EXPECT_EQ(rank.device.name, "a device");
    EXPECT_EQ(rank.threads, 3);
    EXPECT_FALSE(rank.host.empty());
    EXPECT_GT(rank.step_ms, 0.0);
    EXPECT_LE(rank.step_ms, result.step_ms.max);
    EXPECT_GT(rank.busy_ms, 0.0);
    EXPECT_LE(rank.busy_ms, result.step_ms.max);
    EXPECT_EQ(rank.cores, "0-1");
    EXPECT_EQ(rank.peak_bytes, result.memory.peak);  // the ranks are equal
  }
  EXPECT_TRUE(progress_.contains("warm-up 1/1"));
  EXPECT_TRUE(progress_.contains("iteration 3/3"));
}

TEST_F(RunCase, TellsASlowRankFromThoseThatWaitForIt) {
  if (session_.size() == 1) GTEST_SKIP() << "nobody waits for a single rank";
  const int slow = session_.size() - 1;
  slow_rank_ = SlowRank{slow, 10.0};
  const CaseResult result = run(support::small_case(session_.size(), false, DType::fp64));
  EXPECT_FALSE(result.has_merit());
  ASSERT_TRUE(result.slow_rank.has_value());
  for (int rank = 0; rank < session_.size(); ++rank) {
    if (rank == slow) continue;
    const auto& details = result.rank_details;
    EXPECT_GT(details.at(static_cast<std::size_t>(slow)).busy_ms,
              2.0 * details.at(static_cast<std::size_t>(rank)).busy_ms);
  }
}

TEST_F(RunCase, ChecksWhatItSaysItChecks) {
  const auto names_of = [&](const config::Case& c) {
    std::set<std::string> names;
    for (const Check& check : run(c).verification.checks) names.insert(check.name);
    return names;
  };
  std::set<std::string> expected{"gradient_against_differences",
                                 "twin_output",
                                 "twin_input_gradient",
                                 "twin_parameter_gradients",
                                 "twin_random_tensors",
                                 "saved_bytes_against_formula",
                                 "traffic_against_formula",
                                 "product_flops_against_formula",
                                 "pool_growth_after_warm_up",
                                 "allocations_within_steps",
                                 "not_finite_elements",
                                 "replicas_that_differ",
                                 "twin_against_fp64",
                                 "gradient_along_all_parameters",
                                 "parts_against_digests",
                                 "sums_against_contributions",
                                 "calls_never_waited_for",
                                 "products_by_freivalds",
                                 "timed_steps_that_differ"};
  // Only where the system lets a process reset its high-water mark.
  if (runs_on_host && memory::reset_process_peak()) {
    expected.insert("process_growth_against_accounts");
  }
  const config::Case c = support::small_case(session_.size(), false);
  EXPECT_EQ(names_of(c), expected);
  expected.erase("twin_input_gradient");
  expected.erase("twin_random_tensors");
  expected.insert({"twin_loss", "twin_embedding"});
  EXPECT_EQ(names_of(support::with_ends(c)), expected);
}

/// Allocates at the start of every kernel of that name, without the ledger.
void allocate_at(const char* name, const std::uint32_t, std::uint64_t*) {
  if (std::string_view(name) == "tidemark::bias_gelu_forward") {
    Kokkos::kokkos_free<MemorySpace>(Kokkos::kokkos_malloc<MemorySpace>("behind its back", 64));
  }
}

TEST_F(RunCase, FindsMemoryThatIsAllocatedBehindTheLedgersBack) {
  const config::Case c = support::small_case(session_.size(), false);
  Kokkos::Tools::Experimental::set_begin_parallel_for_callback(&allocate_at);
  const CaseResult result = run(c);
  Kokkos::Tools::Experimental::set_begin_parallel_for_callback(nullptr);
  EXPECT_FALSE(result.valid());
  for (const Check& check : result.verification.checks) {
    EXPECT_EQ(check.passed(), check.name != "allocations_within_steps") << check.name;
    if (!check.passed()) {
      EXPECT_EQ(check.value, 3.0 * 2.0);  // steps and layers
      EXPECT_EQ(check.where, "behind its back");
    }
  }
}

TEST_F(RunCase, TracesAStepOfEveryRank) {
  trace_ = true;
  const CaseResult result =
      run(support::recomputing(support::small_case(session_.size(), false), "full"));
  ASSERT_EQ(result.traces.size(), static_cast<std::size_t>(session_.size()));
  for (const StepTrace& trace : result.traces) {
    EXPECT_GT(trace.forward_seconds, 0.0);
    EXPECT_GT(trace.backward_seconds, 0.0);
    std::size_t peak = 0;
    for (const memory::LiveBytes& live : trace.tide.changes) {
      peak = std::max(peak, std::accumulate(live.bytes.begin(), live.bytes.end(), std::size_t{0}));
    }
    EXPECT_EQ(static_cast<std::int64_t>(peak), result.memory.peak);
    EXPECT_GT(trace.tide.turn, 0U);
    EXPECT_LT(trace.tide.turn, trace.tide.changes.size());
  }
  EXPECT_TRUE(progress_.contains("tracing a step"));
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
