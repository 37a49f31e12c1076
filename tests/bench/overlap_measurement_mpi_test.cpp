// SPDX-License-Identifier: BSD-3-Clause
// The five runs of a step, and what must happen before any of them counts.
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bench/case/case_measurement.hpp"
#include "bench/step/overlap_measurement.hpp"
#include "comm/factory.hpp"
#include "support/cases.hpp"
#include "support/words.hpp"

namespace tidemark::bench {
namespace {

TEST(OrderOfTuple, IsReversedInEveryOtherOne) {
  const auto order = order_of_tuple(0);
  auto reversed = order_of_tuple(1);
  EXPECT_EQ(order, all_variants);
  EXPECT_EQ(order_of_tuple(2), order);
  std::reverse(reversed.begin(), reversed.end());
  EXPECT_EQ(reversed, order);
}

class FiveRuns : public ::testing::Test {
 protected:
  [[nodiscard]] config::Case case_of(const std::string& mode) const {
    config::Case c = support::small_case(session_.size(), session_.size() > 1, DType::fp32);
    support::set_word(c.overlap.mode, mode);
    c.bench.warmup = 0;
    c.bench.iterations = 1;
    c.bench.max_iterations = 3;
    return c;
  }
  [[nodiscard]] std::unique_ptr<comm::Communicator> communicator() const {
    return comm::make_communicator(
        {.backend = comm::Backend::mpi, .ranks = session_.size(), .algorithm = std::nullopt});
  }
  [[nodiscard]] RunContext run() {
    return {.device = device_,
            .session = session_,
            .device_identity = {},
            .progress = {},
            .cores = {},
            .slow_rank = std::nullopt};
  }

  Device device_;
  job::MpiSession session_;
};

/// What a run launched, and which collectives it called.
struct Work {
  std::vector<std::string> kernels;
  std::size_t calls = 0;
  std::uint64_t flops = 0;

  bool operator==(const Work&) const = default;
};

TEST_F(FiveRuns, LeaveOutWhatTheirNamesSay) {
  const auto communicator = this->communicator();
  memory::Pool pool;
  memory::Ledger ledger(pool);
  model::Stack<float> stack(case_of("ring"), device_, ledger, *communicator);
  StepVariants<float> variants(stack, device_, *communicator);
  const auto work_of = [&](Variant variant) {
    variants.run(variant);  // does what only the first run does
    StepLog log;
    const std::uint64_t before = device_.gemm_flops;
    variants.run(variant, &log);
    Work work{{}, log.comm.calls.size(), device_.gemm_flops - before};
    for (const KernelRecord& kernel : log.kernels) work.kernels.emplace_back(kernel.label);
    return work;
  };
  const Work step = work_of(Variant::step);
  const Work serial = work_of(Variant::serial);
  const Work compute = work_of(Variant::compute);
  const Work compute_serial = work_of(Variant::compute_serial);
  const Work comm = work_of(Variant::comm);
  EXPECT_GT(serial.flops, 0U);
  EXPECT_EQ(compute_serial.kernels, serial.kernels);
  EXPECT_EQ(compute.kernels, step.kernels);
  EXPECT_EQ(compute_serial.flops, serial.flops);
  EXPECT_EQ(compute.flops, step.flops);
  EXPECT_EQ(compute_serial.calls, 0U);
  EXPECT_EQ(compute.calls, 0U);
  EXPECT_EQ(comm.calls, step.calls);
  EXPECT_EQ(comm.flops, 0U);
  EXPECT_TRUE(comm.kernels.empty());
  if (session_.size() == 1) return;
  EXPECT_GT(serial.calls, 0U);
  if (KernelWatch::works) {
    EXPECT_NE(compute.kernels, compute_serial.kernels);
  }
}

// `comm.algorithm: auto` measures at the first call of a size. That call must not be in a step that
// counts.
TEST_F(FiveRuns, FindNoAlgorithmLeftToChooseOnceTheyCount) {
  for (const char* mode : {"none", "bulk", "ring", "auto"}) {
    SCOPED_TRACE(mode);
    const auto communicator = this->communicator();
    const RunContext run = this->run();
    CaseMeasurement<float> measurement(case_of(mode), run, *communicator, std::nullopt);
    measurement.warm_up();
    const std::size_t chosen = communicator->choices().size();
    EXPECT_EQ(chosen > 0, session_.size() > 1);
    measurement.measure();
    EXPECT_EQ(communicator->choices().size(), chosen);
  }
}

TEST_F(FiveRuns, OfEachModeAreUntimedOnceBeforeModesAreCompared) {
  const auto communicator = this->communicator();
  memory::Pool pool;
  memory::Ledger ledger(pool);
  model::Stack<float> stack(case_of("auto"), device_, ledger, *communicator);
  StepVariants<float> variants(stack, device_, *communicator);
  OverlapMeasurement<float> overlap(variants, *communicator);
  std::vector<std::size_t> chosen_before;
  std::vector<std::string> announced;
  overlap.choose_mode([&](const std::string& what) {
    announced.push_back(what);
    chosen_before.push_back(communicator->choices().size());
  });
  ASSERT_EQ(announced.size(), 3U + 5U * 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(announced[i], announced[i + 3]);
  for (std::size_t i = 3; i < chosen_before.size(); ++i) {
    EXPECT_EQ(chosen_before[i], communicator->choices().size()) << i;
  }
}

TEST_F(FiveRuns, AreAddedUntilTheEfficiencyIsResolvedButNoMoreThanAllowed) {
  if (session_.size() == 1) GTEST_SKIP() << "one rank hides nothing";
  const auto communicator = this->communicator();
  config::Case c = case_of("ring");
  const RunContext run = this->run();
  for (const std::int64_t most : {1, 8}) {
    c.bench.max_iterations = most;
    CaseMeasurement<float> measurement(c, run, *communicator, std::nullopt);
    measurement.warm_up();
    measurement.measure();
    CaseResult result = measurement.result();
    result.settings = c;
    const auto& samples = result.overlap.value().samples;
    for (const auto* series : {&samples.step, &samples.serial, &samples.compute_serial,
                               &samples.compute, &samples.comm}) {
      EXPECT_EQ(series->size(), result.step_ms.samples.size());
      EXPECT_GT(*std::min_element(series->begin(), series->end()), 0.0);
    }
    EXPECT_EQ(result.gemm_gflops.samples.size(), samples.size());
    EXPECT_LE(samples.size(), static_cast<std::size_t>(most));
    const OverlapFigures& figures = result.overlap->figures;
    if (figures.is_meaningful) {
      EXPECT_GE(samples.size(), std::min(least_tuples, static_cast<std::size_t>(most)));
    }
  }
}

TEST_F(FiveRuns, GoOnUntilTheStepsHaveTakenTheirTimeOnAllRanks) {
  const auto communicator = this->communicator();
  config::Case c = case_of("none");
  c.bench.max_iterations = 1;
  c.bench.min_seconds = 0.05;
  const RunContext run = this->run();
  CaseMeasurement<float> measurement(c, run, *communicator, std::nullopt);
  measurement.warm_up();
  measurement.measure();
  CaseResult result = measurement.result();
  result.settings = c;
  EXPECT_GE(result.measured_seconds(), 0.05);
  EXPECT_LT(result.measured_seconds() - result.step_ms.samples.back() * 1e-3, 0.05);
  EXPECT_EQ(result.drift.has_value(), result.step_ms.samples.size() >= 6);
  EXPECT_EQ(result.warm_up.steps, 1);
}

}  // namespace
}  // namespace tidemark::bench
