// SPDX-License-Identifier: BSD-3-Clause
#include "criteria/evaluation.hpp"

#include <string>

#include <gtest/gtest.h>

#include "criteria/reader.hpp"

namespace tidemark::criteria {
namespace {

using nlohmann::json;

json record_of(int seed, double step_ms) {
  return {
      {"kind", "run"},
      {"case", {{"name", "small"}, {"bench", {{"seed", seed}}}}},
      {"case_index", 0},
      {"valid", true},
      {"time", {{"step_ms", {{"median", step_ms}, {"samples", {step_ms, 1.1 * step_ms}}}}}},
      {"ranks_detail", {{{"host", "n1"}, {"busy_ms", 10.0}}, {{"host", "n2"}, {"busy_ms", 12.0}}}}};
}

/// The verdict of one criterion on records. `body` is the text after its name.
Verdict verdict(const std::string& body, const std::vector<json>& records) {
  Judge judge(read_criteria("criteria:\n  - {name: one, " + body + "}\n", "c.yaml").at(0));
  std::size_t line = 0;
  for (const json& record : records) judge.look_at(record, ++line);
  return judge.verdict();
}

TEST(Judge, ComparesInTheUnitOfTheCriterion) {
  const std::vector<json> records{record_of(1, 400.0), record_of(2, 500.0)};
  const std::string key = "key: time.step_ms.median, unit: s, ";
  const Verdict good = verdict(key + "min: 0.4, max: 0.5", records);
  EXPECT_TRUE(good.passed());
  EXPECT_EQ(good.bound, "0.4 to 0.5 s");
  const Verdict slow = verdict(key + "max: 0.45", records);
  EXPECT_FALSE(slow.passed());
  EXPECT_EQ(slow.measured, "0.5 s");
  EXPECT_EQ(slow.label, "small 1, line 2");
  EXPECT_EQ(slow.reasons, (std::vector<std::string>{"small 1, line 2: 0.5 s is above 0.45 s"}));
  EXPECT_EQ(verdict(key + "min: 0.45", records).measured, "0.4 s");
}

TEST(Judge, ShowsTheRecordNearestToTheBound) {
  EXPECT_EQ(verdict("key: time.step_ms.median, unit: ms, max: 600",
                    {record_of(1, 400.0), record_of(2, 500.0), record_of(3, 300.0)})
                .measured,
            "500 ms");
}

TEST(Judge, NeverPassesWhatMatchesNothing) {
  const Verdict none = verdict("valid: true, where: {bench.seed: 7}", {record_of(1, 400.0)});
  EXPECT_EQ(none.records, 0U);
  EXPECT_FALSE(none.passed());
  EXPECT_EQ(verdict("valid: true, where: {bench.seed: [7, 1]}", {record_of(1, 400.0)}).records, 1U);
}

TEST(Judge, FailsWhatIsMissingOrNull) {
  json record = record_of(1, 400.0);
  record["time"]["comm_ms"] = nullptr;
  const Verdict null = verdict("key: time.comm_ms.median, unit: ms, max: 1e9", {record});
  EXPECT_FALSE(null.passed());
  EXPECT_EQ(null.reasons.at(0), "small 1, line 1: time.comm_ms is null");
  EXPECT_EQ(verdict("key: time.serial_ms.median, unit: ms, max: 1e9", {record}).reasons.at(0),
            "small 1, line 1: time.serial_ms is not in the record");
  EXPECT_EQ(verdict("key: case.name, max: 1e9", {record}).reasons.at(0),
            "small 1, line 1: case.name is string, and no number");
}

TEST(Judge, IsNeverSatisfiedByWhatMeasuresNoMachine) {
  const std::string good = "key: time.step_ms.median, unit: ms, max: 1e9";
  json record = record_of(1, 400.0);
  record["valid"] = false;
  EXPECT_EQ(verdict(good, {record}).reasons.at(0), "small 1, line 1: the record is not valid");
  EXPECT_FALSE(verdict("valid: true", {record_of(1, 400.0), record}).passed());
  record["valid"] = nullptr;
  EXPECT_EQ(verdict(good, {record}).reasons.at(0), "small 1, line 1: the record was not verified");
  record = record_of(1, 400.0);
  record["case"]["emulated_link"] = {{"latency_us", 0.0}, {"bandwidth_gbytes_per_s", 5.0}};
  EXPECT_EQ(verdict(good, {record}).reasons.at(0),
            "small 1, line 1: the link was emulated, which measures no machine");
  record = record_of(1, 400.0);
  record["test"] = {{"slow_rank", 1}};
  EXPECT_FALSE(verdict(good, {record}).passed());
  EXPECT_TRUE(verdict(good, {record_of(1, 400.0)}).passed());
}

TEST(Judge, DoesNotTrustARecordThatContradictsItself) {
  const auto reason = [](const json& verification) {
    json record = record_of(1, 400.0);
    record["verification"] = verification;
    const Verdict found = verdict("valid: true", {record});
    return found.passed() ? "" : found.reasons.at(0);
  };
  const json good{{"name", "traffic"}, {"value", 0.5}, {"bound", 1.0}, {"passed", true}};
  json above = good, infinite = good, failed = good;
  above["value"] = 1.5;
  infinite["value"] = "infinite";
  failed["passed"] = false;
  EXPECT_EQ(reason({{"passed", true}, {"checks", {good}}}), "");
  for (const json& bad : {above, infinite, failed}) {
    EXPECT_EQ(reason({{"passed", true}, {"checks", {good, bad}}}),
              "small 1, line 1: it says that it is valid, but its check traffic failed");
  }
  EXPECT_EQ(reason({{"passed", true}, {"checks", json::array({5})}}),
            "small 1, line 1: it says that it is valid, but its check 5 failed");
  EXPECT_EQ(reason({{"passed", false}, {"checks", {good}}}),
            "small 1, line 1: it says that it is valid, but its verification did not pass");
}

TEST(Judge, MeasuresTheSpreadOfIterations) {
  const std::string key = "key: time.step_ms.samples, over: iterations, ";
  // 100 and 110: a spread of 10 over the median of 105.
  EXPECT_TRUE(verdict(key + "max_spread: 0.0953", {record_of(1, 100.0)}).passed());
  EXPECT_FALSE(verdict(key + "max_spread: 0.0952", {record_of(1, 100.0)}).passed());
}

TEST(Judge, MeasuresTheSpreadOfRecordsOfTheSameCase) {
  const std::string key = "key: time.step_ms.median, over: records, ";
  const std::vector<json> records{record_of(1, 100.0), record_of(2, 900.0), record_of(1, 104.0),
                                  record_of(2, 909.0)};
  EXPECT_TRUE(verdict(key + "max_spread: 0.04", records).passed());
  EXPECT_FALSE(verdict(key + "max_spread: 0.03", records).passed());
  // Nothing was repeated, so there is no spread, not even a small one.
  EXPECT_FALSE(
      verdict(key + "max_spread: 0.5", {record_of(1, 100.0), record_of(2, 100.0)}).passed());
}

TEST(Judge, NamesTheStraggler) {
  const Verdict slow = verdict("max_straggler: 0.19", {record_of(1, 100.0)});
  EXPECT_FALSE(slow.passed());
  EXPECT_EQ(slow.measured, "20 % above, rank 1 on n2");
  EXPECT_EQ(
      slow.reasons.at(0),
      "small 1, line 1: rank 1 on n2 is busy for 12 ms a step, 20 % above the median of 10 ms");
  EXPECT_TRUE(verdict("max_straggler: 0.21", {record_of(1, 100.0)}).passed());
  json single = record_of(1, 100.0);
  single["ranks_detail"].erase(1);
  EXPECT_EQ(verdict("max_straggler: 0.21", {single}).records, 0U);
}

TEST(Judge, ComparesWordsAndCountsCases) {
  EXPECT_TRUE(verdict("key: case.name, equals: [large, small]", {record_of(1, 1.0)}).passed());
  EXPECT_EQ(verdict("key: case.name, equals: large", {record_of(1, 1.0)}).reasons.at(0),
            "small 1, line 1: is small");
  EXPECT_TRUE(
      verdict("valid: true, min_cases: 2", {record_of(1, 1.0), record_of(2, 1.0)}).passed());
  EXPECT_EQ(
      verdict("valid: true, min_cases: 2", {record_of(1, 1.0), record_of(1, 2.0)}).reasons.at(0),
      "1 different case of the 2 asked for");
}

TEST(Judge, TellsTheFirstFailuresOnly) {
  const std::vector<json> records(5, record_of(1, 100.0));
  const Verdict many = verdict("key: time.step_ms.median, unit: ms, max: 1", records);
  EXPECT_EQ(many.failed, 5U);
  EXPECT_EQ(many.reasons.size(), max_reasons);
}

}  // namespace
}  // namespace tidemark::criteria
