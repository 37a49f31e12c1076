// SPDX-License-Identifier: BSD-3-Clause
#include "criteria/path.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "comm/algorithms/rounds.hpp"
#include "config/refusal.hpp"
#include "criteria/unit.hpp"

namespace tidemark::criteria {
namespace {

using config::testing::refusal;
using nlohmann::json;

const json record = json::parse(R"({
  "ranks": 2, "valid": true, "loss": null,
  "time": {"step_ms": {"median": 4.0, "samples": [3.0, 4.0, 5.0]}},
  "comm": {"backend": "mpi", "calls": [
    {"op": "all_reduce", "purpose": "activation", "count": 4},
    {"op": "all_reduce", "purpose": "gradient", "count": 1},
    {"op": "all_gather", "purpose": "activation", "count": 6}]}
})");

/// What a path finds, as JSON; the reason if it finds nothing.
std::string found(const std::string& path) {
  const Found result = RecordPath::parse(path, "f").find(record);
  if (result.values.empty()) return result.missing;
  std::string text;
  for (const json* const value : result.values) text += (text.empty() ? "" : " ") + value->dump();
  return text;
}

TEST(RecordPath, FindsByNamesAndSelections) {
  EXPECT_EQ(found("ranks"), "2");
  EXPECT_EQ(found("time.step_ms.median"), "4.0");
  EXPECT_EQ(found("time.step_ms.samples[2]"), "5.0");
  EXPECT_EQ(found("comm.calls[1].count"), "1");
  EXPECT_EQ(found("comm.calls[*].count"), "4 1 6");
  EXPECT_EQ(found("comm.calls[op=all_reduce].count"), "4 1");
  EXPECT_EQ(found("comm.calls[op=all_reduce,purpose=gradient].count"), "1");
  EXPECT_EQ(found("comm.calls[count=6].op"), "\"all_gather\"");
}

TEST(RecordPath, SaysWhatIsMissing) {
  EXPECT_EQ(found("time.stp_ms.median"), "time.stp_ms is not in the record");
  EXPECT_EQ(found("loss"), "loss is null");
  EXPECT_EQ(found("ranks.of"), "ranks.of is not in the record");
  EXPECT_EQ(found("comm.calls[3].count"), "comm.calls[3] is not in the record");
  EXPECT_EQ(found("comm.calls[op=send_recv].count"),
            "comm.calls[op=send_recv] is not in the record");
  EXPECT_EQ(found("comm.backend[0]"), "comm.backend[0] is not in the record");
}

TEST(RecordPath, RefusesWhatIsNoPath) {
  const auto refused = [](const std::string& text) {
    return refusal([&] { return RecordPath::parse(text, "f.yaml:1:2"); });
  };
  EXPECT_EQ(refused("tme.step_ms"),
            "f.yaml:1:2: key: 'tme.step_ms': unknown key; did you mean time?");
  EXPECT_EQ(refused("parallel.tensor"),
            "f.yaml:1:2: key: 'parallel.tensor': is a setting; write case.parallel.tensor");
  EXPECT_EQ(refused("time..step_ms"),
            "f.yaml:1:2: key: 'time..step_ms': is no path; expected names with dots between them");
  EXPECT_EQ(refused("comm.calls[op=x"),
            "f.yaml:1:2: key: 'comm.calls[op=x': a closing bracket is missing");
  EXPECT_EQ(refused("comm.calls[op]"),
            "f.yaml:1:2: key: 'comm.calls[op]': [op] selects nothing; expected an index, *, or "
            "KEY=VALUE");
  EXPECT_EQ(refused("comm.calls[0]count"),
            "f.yaml:1:2: key: 'comm.calls[0]count': expected a dot behind a bracket");
}

TEST(Written, ComparesTextNumbersAndWords) {
  EXPECT_TRUE(is_written_as(json(2), "2"));
  EXPECT_TRUE(is_written_as(json(0.1), "0.10"));
  EXPECT_TRUE(is_written_as(json(true), "true"));
  EXPECT_TRUE(is_written_as(json("2"), "2"));
  EXPECT_FALSE(is_written_as(json(2), "20"));
  EXPECT_FALSE(is_written_as(json(true), "1"));
  EXPECT_FALSE(is_written_as(json::array({2}), "[2]"));
}

std::string unit_at(const std::string& path) {
  return std::string(unit_of(RecordPath::parse(path, "f").keys()).name);
}

TEST(Units, FollowTheNameOfTheKey) {
  EXPECT_EQ(unit_at("time.step_ms.median"), "ms");
  EXPECT_EQ(unit_at("time.step_ms.samples[0]"), "ms");
  EXPECT_EQ(unit_at("time.step_ms.iterations"), "1");
  EXPECT_EQ(unit_at("fom.tokens_per_s"), "tokens/s");
  EXPECT_EQ(unit_at("fom.model_tflops_per_s"), "TFLOP/s");
  EXPECT_EQ(unit_at("fom.model_tflops_per_s_ci[0]"), "TFLOP/s");
  EXPECT_EQ(unit_at("time.drift"), "1");
  EXPECT_EQ(unit_at("time.measured_seconds"), "s");
  EXPECT_EQ(unit_at("comm.calls[op=all_reduce].busbw_gbytes_per_s"), "GB/s");
  EXPECT_EQ(unit_at("comm.calls[0].blocked_seconds"), "s");
  EXPECT_EQ(unit_at("comm.calls[0].count"), "1");
  EXPECT_EQ(unit_at("comm.wire_bytes_per_step"), "B");
  for (const comm::Algorithm algorithm : comm::all_algorithms) {
    EXPECT_EQ(unit_at(fmt::format("comm.algorithms[0].seconds.{}", comm::name_of(algorithm))), "s");
  }
  EXPECT_EQ(unit_at("memory.saved_bytes_per_layer"), "B");
  EXPECT_EQ(unit_at("memory.tide.microseconds[0]"), "us");
  EXPECT_EQ(unit_at("time.warmup_steps"), "1");
  EXPECT_EQ(unit_at("overlap.split_cost_ms"), "ms");
  EXPECT_EQ(unit_at("placement.problem_count"), "1");
  EXPECT_EQ(unit_at("memory.tide.saved[0]"), "B");
  EXPECT_EQ(unit_at("flops.gflops_per_rank"), "GFLOP/s");
  EXPECT_EQ(unit_at("flops.gemm_gflops_samples[0]"), "GFLOP/s");
  EXPECT_EQ(unit_at("flops.model_per_step"), "FLOP");
  EXPECT_EQ(unit_at("flops.fraction_of_gemm"), "1");
  EXPECT_EQ(unit_at("overlap.osu_percent"), "%");
  EXPECT_EQ(unit_at("overlap.efficiency"), "1");
  EXPECT_EQ(unit_at("case.bench.timeout_s"), "s");
  EXPECT_EQ(unit_at("case.emulated_link.latency_us"), "us");
  EXPECT_EQ(unit_at("ranks"), "1");
}

}  // namespace
}  // namespace tidemark::criteria
