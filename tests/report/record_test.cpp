// SPDX-License-Identifier: BSD-3-Clause
// Records and table rows say what the result says, and nothing that is unknown.
#include "report/record.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "report/provenance.hpp"
#include "report/results.hpp"
#include "report/table.hpp"
#include "support/cases.hpp"

namespace tidemark::report {
namespace {

bench::CaseResult result_of_two_ranks() {
  bench::CaseResult result;
  result.settings = support::small_case(2, true, DType::fp32);
  result.ranks = 2;
  result.backend = "mpi";
  result.transport = "staged";
  result.registered_bytes = 1 << 20;
  result.verification.checks = {{"check", 1e-7, 1e-5, "output"}};
  result.step_ms = bench::summarize({4.0, 2.0, 3.0});
  result.forward_ms = bench::summarize({1.0, 1.0, 1.0});
  result.backward_ms = bench::summarize({3.0, 1.0, 2.0});
  result.gemm_gflops = bench::summarize({10.0});
  result.ceiling_gflops = 20.0;
  result.products = {ProductLibrary::onednn,
                     {{ProductLibrary::kokkos_kernels, 9.0}, {ProductLibrary::onednn, 10.0}},
                     4096};
  result.model_flops_per_step = 3e7;
  result.causal_flops_per_step = 2.4e7;
  result.launched_flops_per_rank = 1.8e7;
  result.memory.saved = 1000;
  result.memory.saved_per_layer = 500;
  result.memory.formula_per_layer = 500;
  result.memory.peak = 1500;
  result.memory.communication_library = 300;
  result.memory.by_tensor = {{"qkv", 100, 100, true}};
  result.memory.at_peak = {{"qkv", 0, "saved", 100}, {"output", -1, "transient", 50}};
  result.calls = {
      {comm::Operation::all_gather, comm::Purpose::activation, 12, 1200, 600, 1e-3, 1e-3, 2.0}};
  for (const char* host : {"a", "b"}) {
    result.rank_details.push_back({.host = host,
                                   .device = {"cpu", "GPU-1", "0000:1b:00.0"},
                                   .threads = 4,
                                   .step_ms = 3.0,
                                   .blocked_ms = 1.0,
                                   .gemm_gflops = 10.0,
                                   .peak_bytes = 1500,
                                   .process_bytes = std::nullopt,
                                   .busy_ms = 2.0,
                                   .cores = "0-3"});
  }
  result.rank_details[0].process_bytes = 2000;
  return result;
}

const nlohmann::ordered_json no_provenance = nlohmann::ordered_json::object();

// No step exceeds the ceiling. Where one seems to, other work ran while the ceiling was measured.
TEST(Record, GivesNoUtilisationAboveOneOrOfAnUnknownCeiling) {
  bench::CaseResult result = result_of_two_ranks();
  result.ceiling_gflops = 9.9;  // the product has 10, which is within 2 %
  EXPECT_NEAR(result.utilisation(result.model_flops_per_step / 2).value(), 5.0 / 9.9, 1e-12);
  EXPECT_FALSE(result.utilisation(3e7).has_value());
  EXPECT_FALSE(result.ceiling_was_disturbed());
  result.ceiling_gflops = 9.7;
  EXPECT_TRUE(result.ceiling_was_disturbed());
  EXPECT_FALSE(result.utilisation(result.model_flops_per_step / 2).has_value());
  result.ceiling_gflops = std::nullopt;
  EXPECT_FALSE(result.ceiling_was_disturbed());
  const auto json = run_record(result, no_provenance);
  EXPECT_EQ(json.at("flops").at("ceiling_gflops_per_rank"), nullptr);
  EXPECT_EQ(json.at("flops").at("mfu").dump(), R"({"full":null,"causal":null})");
  EXPECT_EQ(json.at("flops").at("hfu").dump(), R"({"launched":null})");
}

TEST(Record, BeginsWithTheSchemaAndHoldsTheFigures) {
  const auto json = run_record(result_of_two_ranks(), no_provenance);
  EXPECT_EQ(json.begin().key(), "schema_version");
  EXPECT_EQ(json.at("kind"), "run");
  EXPECT_EQ(json.at("valid"), true);
  EXPECT_EQ(json.at("case").at("model").at("hidden_size"), 24);
  EXPECT_EQ(json.at("time").at("step_ms").at("median"), 3.0);
  EXPECT_EQ(json.at("time").at("step_ms").at("iterations"), 3);
  EXPECT_EQ(json.at("schema_version"), 2);
  EXPECT_EQ(json.at("fom").at("tokens_per_s"), 36 / 3e-3);
  EXPECT_DOUBLE_EQ(json.at("fom").at("model_tflops_per_s").get<double>(), 3e7 / 3e-3 * 1e-12);
  EXPECT_EQ(json.at("fom").at("model_tflops_per_s_ci"), nullptr);
  EXPECT_DOUBLE_EQ(json.at("time").at("measured_seconds").get<double>(), 9e-3);
  EXPECT_DOUBLE_EQ(json.at("flops").at("gflops_per_rank").get<double>(), 3e7 / 2 / 3e-3 * 1e-9);
  EXPECT_DOUBLE_EQ(json.at("flops").at("fraction_of_gemm").get<double>(), 5.0 / 10.0);
  EXPECT_EQ(json.at("flops").at("disturbed"), false);
  EXPECT_EQ(json.at("flops").at("ceiling_gflops_per_rank"), 20.0);
  EXPECT_DOUBLE_EQ(json.at("flops").at("mfu").at("full").get<double>(), 5.0 / 20.0);
  EXPECT_DOUBLE_EQ(json.at("flops").at("mfu").at("causal").get<double>(), 4.0 / 20.0);
  EXPECT_DOUBLE_EQ(json.at("flops").at("hfu").at("launched").get<double>(), 6.0 / 20.0);
  EXPECT_EQ(json.at("product_library").dump(),
            R"({"name":"onednn","gflops_per_rank":{"kokkos_kernels":9.0,"onednn":10.0},)"
            R"("scratch_bytes":4096})");
  EXPECT_EQ(json.at("memory").at("at_peak").at(1).at("layer"), nullptr);
  EXPECT_EQ(json.at("comm").at("calls").at(0).at("wire_bytes"), 600);
  EXPECT_EQ(json.at("comm").at("wire_bytes_per_step"), 600);
  EXPECT_EQ(json.at("comm").at("transport"), "staged");
  EXPECT_EQ(json.at("comm").at("registered_bytes"), 1048576);
  EXPECT_EQ(json.at("ranks_detail").at(1).at("host"), "b");
  EXPECT_EQ(json.at("ranks_detail").at(1).at("busy_ms"), 2.0);
  EXPECT_EQ(json.at("ranks_detail").at(1).at("cores"), "0-3");
  EXPECT_EQ(json.at("case_fnv1a_64"), digest_of(json.at("case").dump()));
  EXPECT_EQ(json.at("test"), nullptr);
  EXPECT_EQ(json.at("ranks_detail").at(1).at("threads"), 4);
  EXPECT_EQ(json.at("ranks_detail").at(0).at("process_bytes"), 2000);
  EXPECT_EQ(json.at("ranks_detail").at(0).at("device"), "cpu");
  EXPECT_EQ(json.at("ranks_detail").at(0).at("device_uuid"), "GPU-1");
  EXPECT_EQ(json.at("ranks_detail").at(0).at("device_pci_id"), "0000:1b:00.0");
  EXPECT_EQ(json.at("memory").at("communication_library_bytes"), 300);
}

// The longest step gives the lowest rate.
TEST(Record, HasTheIntervalOfTheFigureOfMerit) {
  bench::CaseResult result = result_of_two_ranks();
  result.step_ms_interval = {{2.0, 5.0}};
  const auto interval = run_record(result, no_provenance).at("fom").at("model_tflops_per_s_ci");
  EXPECT_DOUBLE_EQ(interval.at(0).get<double>(), 3e7 / 5e-3 * 1e-12);
  EXPECT_DOUBLE_EQ(interval.at(1).get<double>(), 3e7 / 2e-3 * 1e-12);
  result.slow_rank = bench::SlowRank{1, 0.2};
  const auto disturbed = run_record(result, no_provenance).at("fom");
  for (const char* key : {"model_tflops_per_s", "model_tflops_per_s_ci", "tokens_per_s"}) {
    EXPECT_EQ(disturbed.at(key), nullptr) << key;
  }
}

TEST(Record, SaysWhetherTheStepsWereSteady) {
  bench::CaseResult result = result_of_two_ranks();
  result.warm_up = {7, 10.5};
  const auto unknown = run_record(result, no_provenance).at("time");
  EXPECT_EQ(unknown.at("warmup_steps"), 7);
  EXPECT_EQ(unknown.at("warmup_seconds"), 10.5);
  EXPECT_EQ(unknown.at("drift"), nullptr);
  EXPECT_EQ(unknown.at("drifting"), nullptr);
  result.drift = bench::Drift{-0.02, true};
  const auto known = run_record(result, no_provenance).at("time");
  EXPECT_EQ(known.at("drift"), -0.02);
  EXPECT_EQ(known.at("drifting"), true);
}

TEST(Record, HoldsTheFiguresOfOverlap) {
  const auto json = run_record(support::result_with_overlap(), no_provenance);
  EXPECT_EQ(json.at("time").at("compute_serial_ms").at("median"), 90.0);
  EXPECT_EQ(json.at("time").at("compute_ms").at("median"), 100.0);
  const auto& overlap = json.at("overlap");
  EXPECT_DOUBLE_EQ(overlap.at("efficiency").get<double>(), 40.0 / 60.0);
  EXPECT_DOUBLE_EQ(overlap.at("schedule_efficiency").get<double>(), 0.8);
  EXPECT_EQ(overlap.at("split_cost_ms"), 10.0);
  EXPECT_EQ(overlap.at("serial_exposed_ms"), 60.0);
  EXPECT_EQ(overlap.at("exposed_ms"), 10.0);
  EXPECT_EQ(overlap.at("efficiency_max"), 1.0);
  EXPECT_EQ(overlap.at("osu_percent"), 80.0);
  EXPECT_EQ(overlap.at("resolved"), true);
}

// The interval says how much is known. Neither efficiency is a number until E is resolved.
TEST(Record, GivesNoEfficiencyThatIsNotResolved) {
  bench::CaseResult result = support::result_with_overlap();
  result.overlap->figures.is_resolved = false;
  const auto overlap = run_record(result, no_provenance).at("overlap");
  EXPECT_EQ(overlap.at("efficiency"), nullptr);
  EXPECT_EQ(overlap.at("schedule_efficiency"), nullptr);
  EXPECT_EQ(overlap.at("efficiency_ci").size(), 2U);
  EXPECT_EQ(overlap.at("split_cost_ms"), 10.0);
}

TEST(Record, UnknownIsNull) {
  const auto json = run_record(result_of_two_ranks(), no_provenance);
  EXPECT_EQ(json.at("time").at("compute_ms"), nullptr);
  EXPECT_EQ(json.at("time").at("compute_serial_ms"), nullptr);
  EXPECT_EQ(json.at("overlap").at("efficiency"), nullptr);
  EXPECT_EQ(json.at("memory").at("process_bytes"), nullptr);
  EXPECT_EQ(json.at("memory").at("closed_formula_bytes_per_layer"), nullptr);
  EXPECT_EQ(json.at("ranks_detail").at(1).at("process_bytes"), nullptr);
}

TEST(Record, InvalidHasNoFigureOfMerit) {
  bench::CaseResult result = result_of_two_ranks();
  result.verification.checks.push_back({"bad", std::numeric_limits<double>::infinity(), 0.0, "x"});
  const auto json = run_record(result, no_provenance);
  EXPECT_EQ(json.at("valid"), false);
  EXPECT_EQ(json.at("fom").at("tokens_per_s"), nullptr);
  EXPECT_EQ(json.at("fom").at("model_tflops_per_s"), nullptr);
  EXPECT_EQ(json.at("verification").at("checks").at(1).at("value"), "infinite");
  const std::string row = table_row({result.settings}, result);
  EXPECT_NE(row.find("INVALID"), std::string::npos);
  EXPECT_EQ(row.find("12000.0"), std::string::npos) << row;
  EXPECT_EQ(row.find("0.01000"), std::string::npos) << row;
  EXPECT_NE(failure_lines(result).find("bad"), std::string::npos);
}

// A case with this loss is invalid, and its record must be written to say so.
TEST(Record, ALossThatIsNotFiniteIsAFinding) {
  bench::CaseResult result = result_of_two_ranks();
  EXPECT_EQ(run_record(result, no_provenance).at("loss"), nullptr);
  result.loss = 3.25;
  EXPECT_EQ(run_record(result, no_provenance).at("loss"), 3.25);
  result.loss = std::nan("");
  EXPECT_EQ(run_record(result, no_provenance).at("loss"), "not finite");
  result.loss = std::numeric_limits<double>::infinity();
  EXPECT_EQ(run_record(result, no_provenance).at("loss"), "not finite");
}

TEST(Record, UnverifiedIsNeitherValidNorInvalid) {
  bench::CaseResult result = result_of_two_ranks();
  result.verification.checks.clear();
  const auto json = run_record(result, no_provenance);
  EXPECT_EQ(json.at("valid"), nullptr);
  EXPECT_EQ(json.at("fom").at("tokens_per_s"), nullptr);
  const std::string row = table_row({result.settings}, result);
  EXPECT_EQ(row.find("INVALID"), std::string::npos);
  EXPECT_NE(row.find("unknown"), std::string::npos);
}

TEST(Record, RefusesAFigureThatIsNotFinite) {
  bench::CaseResult result = result_of_two_ranks();
  result.gemm_gflops = bench::summarize({0.0});
  EXPECT_THROW(run_record(result, no_provenance), BrokenInvariant);
}

}  // namespace
}  // namespace tidemark::report
