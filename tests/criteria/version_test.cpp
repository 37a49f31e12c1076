// SPDX-License-Identifier: BSD-3-Clause
#include "criteria/version.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "criteria/evaluation.hpp"
#include "criteria/reader.hpp"

namespace tidemark::criteria {
namespace {

using nlohmann::json;

/// A record that has the keys of both versions, which no program writes. So a refusal comes from
/// the version, and not from a missing key.
json record_of(int version, double efficiency = 0.9) {
  return {{"schema_version", version},
          {"kind", "run"},
          {"case", {{"name", "small"}, {"bench", {{"seed", 1}, {"format", version}}}}},
          {"case_index", 0},
          {"valid", true},
          {"fom", {{"tokens_per_s", 100.0}, {"model_tflops_per_s", 2.0}}},
          {"time", {{"step_ms", {{"median", 10.0}}}, {"drifting", false}}},
          {"placement", {{"problem_count", 0}}},
          {"overlap", {{"efficiency", efficiency}, {"resolved", true}, {"split_cost_ms", 1.0}}}};
}

Verdict verdict(const std::string& body, const std::vector<json>& records) {
  Judge judge(read_criteria("criteria:\n  - {name: one, " + body + "}\n", "c.yaml").at(0));
  std::size_t line = 0;
  for (const json& record : records) judge.look_at(record, ++line);
  return judge.verdict();
}

TEST(Version, AnEfficiencyOfVersion1IsNotThatOfVersion2) {
  const std::string good = "key: overlap.efficiency, min: 0.5";
  EXPECT_TRUE(verdict(good, {record_of(2)}).passed());
  const Verdict old = verdict(good, {record_of(1)});
  EXPECT_FALSE(old.passed());
  EXPECT_EQ(old.reasons,
            (std::vector<std::string>{
                "small 1, line 1: overlap.efficiency has another meaning in a record of version 1: "
                "there it is what version 2 calls overlap.schedule_efficiency"}));
  EXPECT_EQ(verdict(good, {record_of(2), record_of(1)}).failed, 1U);
  EXPECT_FALSE(verdict("key: overlap.resolved, equals: true", {record_of(1)}).passed());
  EXPECT_FALSE(
      verdict("key: overlap.efficiency, over: records, max_spread: 1", {record_of(1), record_of(1)})
          .passed());
}

TEST(Version, KeysOfVersion2AreMissedInVersion1) {
  EXPECT_TRUE(
      verdict("key: fom.model_tflops_per_s, unit: GFLOP/s, min: 1999", {record_of(2)}).passed());
  EXPECT_EQ(
      verdict("key: fom.model_tflops_per_s, unit: TFLOP/s, min: 1", {record_of(1)}).reasons.at(0),
      "small 1, line 1: fom.model_tflops_per_s is in records of version 2 alone, and this one is "
      "of version 1");
  for (const char* const demand :
       {"key: placement.problem_count, equals: 0", "key: time.drifting, equals: false",
        "key: overlap.split_cost_ms, unit: ms, max: 9"}) {
    EXPECT_TRUE(verdict(demand, {record_of(2)}).passed()) << demand;
    EXPECT_FALSE(verdict(demand, {record_of(1)}).passed()) << demand;
  }
}

TEST(Version, AConditionThatNobodyCanTellFails) {
  const std::string swift = "key: time.step_ms.median, unit: ms, max: 20";
  const std::string resolved = ", where: {overlap.resolved: true}";
  EXPECT_TRUE(verdict(swift, {record_of(1), record_of(2)}).passed());
  EXPECT_TRUE(verdict(swift + resolved, {record_of(2)}).passed());
  const Verdict old = verdict(swift + resolved, {record_of(1)});
  EXPECT_FALSE(old.passed());
  EXPECT_EQ(old.records, 1U);
  EXPECT_FALSE(verdict(swift + ", where: {placement.problem_count: 0}", {record_of(1)}).passed());
  // Another condition may show that the criterion does not apply to the record.
  EXPECT_EQ(
      verdict(swift + ", where: {overlap.resolved: true, bench.seed: 7}", {record_of(1)}).records,
      0U);
}

TEST(Version, VersionsShareNeitherASpreadNorACountOfCases) {
  const std::string spread = "key: time.step_ms.median, over: records, max_spread: 1";
  EXPECT_TRUE(verdict(spread, {record_of(2), record_of(2)}).passed());
  json old = record_of(1);
  old["case"] = record_of(2)["case"];
  EXPECT_FALSE(verdict(spread, {record_of(2), old}).passed());
  // Its case is written differently, but is the same case.
  EXPECT_FALSE(verdict("valid: true, min_cases: 2", {record_of(1), record_of(2)}).passed());
}

}  // namespace
}  // namespace tidemark::criteria
