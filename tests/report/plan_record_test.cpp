// SPDX-License-Identifier: BSD-3-Clause
// The record of a plan has what the plan says, and null for what only a run can know.
#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "bench/dry_run/dry_run.hpp"
#include "report/record.hpp"
#include "report/results.hpp"

namespace tidemark::report {
namespace {

using Json = nlohmann::ordered_json;

/// Figures that all differ, so that none can replace another unnoticed.
bench::PlanResult some_plan() {
  bench::PlanResult plan;
  plan.settings = support::small_case(4, true, DType::bf16);
  plan.settings.index = 3;
  bench::MemoryFigures& memory = plan.memory;
  memory.saved = 1;
  memory.saved_per_layer = 2;
  memory.formula_per_layer = 3;
  memory.closed_formula_per_layer = 4;
  memory.saved_of_ends = 5;
  memory.formula_of_ends = 6;
  memory.closed_formula_of_ends = 7;
  memory.norm_statistics = 8;
  memory.peak = 1000;
  memory.parameters = 200000;
  memory.gradients = 30000000;
  memory.optimizer = 4000000000;
  memory.communication_buffers = 500000000000;
  memory.by_tensor = {{"qkv", 21, 22, true}, {"norm1 statistics", 23, 24, false}};
  memory.of_ends = {{"logits", 31, 32, true}};
  memory.at_peak = {{"qkv", 1, "saved", 41}, {"score block", -1, "workspace", 42}};
  plan.calls = {{comm::Operation::all_gather,
                 comm::Purpose::activation,
                 51,
                 52,
                 53,
                 {},
                 {},
                 {},
                 bench::CallLine::Sent{10.6, 42.4}},
                {comm::Operation::all_reduce, comm::Purpose::gradient, 61, 62, 63, {}, {}, {}}};
  plan.model_flops_per_step = 71.0;
  plan.launched_flops_per_rank = 72.0;
  return plan;
}

constexpr std::int64_t total = 504030201000;

std::set<std::string> keys_of(const Json& json) {
  std::set<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.insert(key);
  return keys;
}

TEST(PlanRecord, HoldsEveryFigureInItsPlace) {
  const Json json = plan_record(some_plan(), std::nullopt, {{"version", "x"}});
  EXPECT_EQ(json.begin().key(), "schema_version");
  EXPECT_EQ(json.at("kind"), "plan");
  EXPECT_EQ(json.at("case").at("precision"), "bf16");
  EXPECT_EQ(json.at("case_index"), 3);
  EXPECT_EQ(json.at("ranks"), 4);
  EXPECT_EQ(json.at("flops"), Json({{"model_per_step", 71.0}, {"launched_per_rank", 72.0}}));
  EXPECT_EQ(json.at("provenance").at("version"), "x");
  const Json memory = json.at("memory");
  EXPECT_EQ(memory.at("saved_bytes"), 1);
  EXPECT_EQ(memory.at("saved_bytes_per_layer"), 2);
  EXPECT_EQ(memory.at("formula_bytes_per_layer"), 3);
  EXPECT_EQ(memory.at("closed_formula_bytes_per_layer"), 4);
  EXPECT_EQ(memory.at("ends_saved_bytes"), 5);
  EXPECT_EQ(memory.at("ends_formula_bytes"), 6);
  EXPECT_EQ(memory.at("ends_closed_formula_bytes"), 7);
  EXPECT_EQ(memory.at("norm_statistics_bytes"), 8);
  EXPECT_EQ(memory.at("peak_bytes"), 1000);
  EXPECT_EQ(memory.at("parameter_bytes"), 200000);
  EXPECT_EQ(memory.at("gradient_bytes"), 30000000);
  EXPECT_EQ(memory.at("optimizer_bytes"), 4000000000);
  EXPECT_EQ(memory.at("communication_buffer_bytes"), 500000000000);
}

TEST(PlanRecord, ListsTensorsAndCollectives) {
  const Json json = plan_record(some_plan(), std::nullopt, Json::object());
  const Json memory = json.at("memory");
  EXPECT_EQ(memory.at("by_tensor"), Json::parse(R"([
    {"name": "qkv", "bytes_per_layer": 21, "formula_bytes_per_layer": 22, "in_formula": true},
    {"name": "norm1 statistics", "bytes_per_layer": 23, "formula_bytes_per_layer": 24,
     "in_formula": false}])"));
  EXPECT_EQ(memory.at("ends"), Json::parse(R"([
    {"name": "logits", "bytes": 31, "formula_bytes": 32, "in_formula": true}])"));
  EXPECT_EQ(memory.at("at_peak"), Json::parse(R"([
    {"name": "qkv", "layer": 1, "class": "saved", "bytes": 41},
    {"name": "score block", "layer": null, "class": "workspace", "bytes": 42}])"));
  EXPECT_EQ(json.at("comm").at("calls"), Json::parse(R"([
    {"op": "all_gather", "purpose": "activation", "count": 51, "bytes": 52, "wire_bytes": 53,
     "node_bytes": 11, "network_bytes": 42, "seconds": null, "blocked_seconds": null, "busbw_gbytes_per_s": null},
    {"op": "all_reduce", "purpose": "gradient", "count": 61, "bytes": 62, "wire_bytes": 63,
     "node_bytes": null, "network_bytes": null, "seconds": null, "blocked_seconds": null, "busbw_gbytes_per_s": null}])"));
  EXPECT_EQ(json.at("comm").at("wire_bytes_per_step"), 53);
}

TEST(PlanRecord, KnowsNothingOfARun) {
  bench::PlanResult plan = some_plan();
  plan.memory.closed_formula_per_layer.reset();
  plan.memory.closed_formula_of_ends.reset();
  const Json json = plan_record(plan, std::nullopt, Json::object());
  EXPECT_EQ(json.at("valid"), nullptr);
  EXPECT_EQ(json.at("comm").at("backend"), nullptr);
  EXPECT_EQ(json.at("comm").at("registered_bytes"), nullptr);
  for (const char* key : {"pool_bytes", "process_bytes", "tide", "closed_formula_bytes_per_layer",
                          "ends_closed_formula_bytes", "device_bytes", "fits"}) {
    EXPECT_EQ(json.at("memory").at(key), nullptr) << key;
  }
  for (const char* key : {"fom", "time", "verification", "ranks_detail", "overlap"}) {
    EXPECT_FALSE(json.contains(key)) << key;
  }
}

// A reader of both kinds looks in the same places.
TEST(PlanRecord, HasTheKeysOfARunAndThreeMore) {
  const Json plan = plan_record(some_plan(), std::nullopt, Json::object());
  const Json run = run_record(support::complete_result(), Json::object());
  std::set<std::string> keys = keys_of(run.at("memory"));
  keys.insert({"total_bytes", "device_bytes", "fits"});
  EXPECT_EQ(keys_of(plan.at("memory")), keys);
  EXPECT_EQ(keys_of(plan.at("comm")), keys_of(run.at("comm")));
  EXPECT_EQ(keys_of(plan.at("comm").at("calls").at(0)), keys_of(run.at("comm").at("calls").at(0)));
  for (const std::string& key : keys_of(plan)) EXPECT_TRUE(run.contains(key)) << key;
}

TEST(PlanRecord, SumsUpWhatTrainingHolds) {
  const Json memory = plan_record(some_plan(), std::nullopt, Json::object()).at("memory");
  EXPECT_EQ(memory.at("total_bytes"), total);
  std::int64_t sum = 0;
  for (const char* part : {"parameter_bytes", "gradient_bytes", "optimizer_bytes", "peak_bytes",
                           "communication_buffer_bytes"}) {
    sum += memory.at(part).get<std::int64_t>();
  }
  EXPECT_EQ(sum, total);
}

TEST(PlanRecord, SaysWhetherThatFits) {
  const auto memory_on = [](std::int64_t device) {
    return plan_record(some_plan(), device, Json::object()).at("memory");
  };
  EXPECT_EQ(memory_on(total - 1).at("fits"), false);
  EXPECT_EQ(memory_on(total).at("fits"), true);
  EXPECT_EQ(memory_on(total + 1).at("fits"), true);
  EXPECT_EQ(memory_on(total).at("device_bytes"), total);
}

TEST(PlanRecord, RefusesAFigureThatIsNotFinite) {
  for (double bench::PlanResult::*figure :
       {&bench::PlanResult::model_flops_per_step, &bench::PlanResult::launched_flops_per_rank}) {
    bench::PlanResult plan = some_plan();
    plan.*figure = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THROW(plan_record(plan, std::nullopt, Json::object()), BrokenInvariant);
  }
}

// A parameter takes 18 bytes in bf16, 16 in fp32, and 32 in fp64.
TEST(PlanRecord, OfAWholePlanCountsWhatAParameterCosts) {
  for (const auto& [precision, element, cost] :
       {std::tuple{DType::bf16, 2, 18}, {DType::fp32, 4, 16}, {DType::fp64, 8, 32}}) {
    config::Case c = support::small_case(2, true, precision);
    c.model.vocab_size = 10;
    const Json memory = plan_record(bench::plan_case(c), std::nullopt, Json::object()).at("memory");
    // Per layer: qkv, proj, fc1, fc2, their biases, two norms. Ends: five rows of 24, and a norm.
    const int a_layer = 36 * 24 + 36 + 24 * 12 + 24 + 48 * 24 + 48 + 24 * 48 + 24 + 4 * 24;
    const int parameters = 2 * a_layer + 5 * 24 + 2 * 24;
    EXPECT_EQ(memory.at("parameter_bytes"), element * parameters);
    EXPECT_EQ(memory.at("parameter_bytes").get<int>() + memory.at("gradient_bytes").get<int>() +
                  memory.at("optimizer_bytes").get<int>(),
              cost * parameters);
  }
}

}  // namespace
}  // namespace tidemark::report
