// SPDX-License-Identifier: BSD-3-Clause
#include "criteria/reader.hpp"

#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "config/reader.hpp"
#include "config/refusal.hpp"

namespace tidemark::criteria {
namespace {

using config::testing::refusal;

std::string refused(const std::string& text) {
  return refusal([&] { return read_criteria(text, "c.yaml"); });
}

/// The error line for a file with one criterion. `body` is the text after its name.
std::string refused_criterion(const std::string& body) {
  return refused("criteria:\n  - {name: one, " + body + "}\n");
}

void expect_within(const std::string& line, const std::string& part) {
  EXPECT_NE(line.find(part), std::string::npos) << line;
}

Criterion only(const std::string& body) {
  return read_criteria("criteria:\n  - {name: one, " + body + "}\n", "c.yaml").at(0);
}

TEST(CriteriaReader, ReadsBoundsInTheUnitThatIsWritten) {
  const auto bounds =
      std::get<Bounds>(only("key: memory.peak_bytes, unit: GiB, min: 0.5, max: 2").demand);
  EXPECT_EQ(*bounds.least, 0.5);
  EXPECT_EQ(*bounds.most, 2.0);
  EXPECT_EQ(bounds.unit.name, "GiB");
  EXPECT_EQ(bounds.record_unit.name, "B");
  EXPECT_FALSE(std::get<Bounds>(only("key: ranks, max: 2").demand).least.has_value());
}

TEST(CriteriaReader, ReadsReferencesAsReFrameDoes) {
  const auto around =
      std::get<Bounds>(only("key: time.step_ms.median, reference: [200, -0.1, 0.05, ms]").demand);
  EXPECT_DOUBLE_EQ(*around.least, 180.0);
  EXPECT_DOUBLE_EQ(*around.most, 210.0);
  const auto open =
      std::get<Bounds>(only("key: fom.tokens_per_s, reference: [50, -0.1, null, tokens/s]").demand);
  EXPECT_DOUBLE_EQ(*open.least, 45.0);
  EXPECT_FALSE(open.most.has_value());
  const auto below_zero =
      std::get<Bounds>(only("key: overlap.efficiency, reference: [-2, -0.5, 0.5]").demand);
  EXPECT_DOUBLE_EQ(*below_zero.least, -3.0);
  EXPECT_DOUBLE_EQ(*below_zero.most, -1.0);
}

TEST(CriteriaReader, NamesTheKeyNextToOneThatNoRecordHas) {
  EXPECT_EQ(refused_criterion("key: time.step_ms.medain, unit: ms, max: 3"),
            "c.yaml:2:22: key: 'time.step_ms.medain': unknown key; did you mean "
            "time.step_ms.median?");
  expect_within(refused_criterion("key: time.step_ms.p99, max: 3"),
                "'time.step_ms.p99': unknown key; the nearest known key is time.step_ms.");
  expect_within(refused_criterion("key: ranks.of, max: 3"), "ranks has no keys below it");
  expect_within(refused_criterion("key: case.model.hiden_size, max: 3"),
                "did you mean case.model.hidden_size?");
  expect_within(refused_criterion("valid: true, where: {\"comm.cals[0].op\": all_reduce}"),
                "'comm.cals[0].op': unknown key; did you mean comm.calls.op?");
  (void)only("key: provenance.environment.ANY, equals: 1");
  (void)only("key: \"comm.algorithms[0].seconds.native\", unit: s, max: 1");
}

TEST(CriteriaReader, ReadsWhereWithSettingsAndRecordKeys) {
  const Criterion criterion = only(
      "valid: true, where: {parallel.tensor: [2, 4], ranks: 2, precision: bf16}, min_cases: 3");
  ASSERT_EQ(criterion.where.size(), 3U);
  EXPECT_EQ(criterion.where[0].path.text(), "case.parallel.tensor");
  EXPECT_EQ(criterion.where[0].values, (std::vector<std::string>{"2", "4"}));
  EXPECT_EQ(criterion.where[1].path.text(), "ranks");
  EXPECT_EQ(criterion.min_cases, 3);
}

TEST(CriteriaReader, RefusesUnknownKeysWithTheNearest) {
  EXPECT_EQ(refused("criterea: []\n"), "c.yaml:1:1: criterea: unknown key; did you mean criteria?");
  EXPECT_EQ(refused_criterion("valid: true, were: {ranks: 2}"),
            "c.yaml:2:30: were: unknown key; did you mean where?");
  EXPECT_EQ(refused_criterion("valid: true, where: {paralel.tensor: 2}"),
            "c.yaml:2:38: where.paralel.tensor: unknown key; did you mean where.parallel.tensor?");
}

TEST(CriteriaReader, RefusesUnitsThatDoNotBelongToTheKey) {
  EXPECT_EQ(
      refused_criterion("key: time.step_ms.median, max: 3, unit: GB/s"),
      "c.yaml:2:57: unit: 'GB/s' is no unit of time.step_ms.median, which is in ms; accepted: "
      "s, ms, us");
  EXPECT_EQ(refused_criterion("key: time.step_ms.median, max: 3"),
            "c.yaml:2:5: unit: is missing: time.step_ms.median is in ms; accepted: s, ms, us");
  EXPECT_EQ(refused_criterion("key: memory.peak_bytes, reference: [3, null, 0.1, ms]"),
            "c.yaml:2:67: unit: 'ms' is no unit of memory.peak_bytes, which is in B; accepted: B, "
            "kB, MB, GB, TB, KiB, MiB, GiB, TiB");
  EXPECT_EQ(refused_criterion("key: overlap.efficiency, min: 0.5, unit: ms"),
            "c.yaml:2:58: unit: 'ms' is no unit of overlap.efficiency, which is in 1; accepted: 1, "
            "%");
}

TEST(CriteriaReader, RefusesDuplicates) {
  EXPECT_EQ(refused("criteria:\n  - {name: a, valid: true}\n  - {name: a, max_straggler: 1}\n"),
            "c.yaml:3:6: name: a second criterion of the name 'a'");
  EXPECT_EQ(refused_criterion("valid: true, valid: true"),
            "c.yaml:2:30: criteria.valid: duplicate key, first on line 2");
}

TEST(CriteriaReader, RefusesWrongTypesAndWhatAsksForNothing) {
  EXPECT_EQ(refused("criteria: valid\n"),
            "c.yaml:1:11: criteria: expected a list of criteria, found a single value");
  EXPECT_EQ(refused("criteria: []\n"),
            "c.yaml:1:11: criteria: expected a list of criteria, found an empty one");
  EXPECT_EQ(refused("name: x\n"), "c.yaml:1:1: criteria: required key is missing");
  EXPECT_EQ(refused("criteria:\n  - {valid: true}\n"), "c.yaml:2:5: name: required key is missing");
  EXPECT_EQ(refused_criterion("key: ranks"),
            "c.yaml:2:5: criteria: asks for nothing; expected min, max, reference, equals, "
            "max_spread, max_straggler or valid");
  EXPECT_EQ(refused_criterion("key: ranks, min: two"),
            "c.yaml:2:34: min: 'two' is not a finite decimal number");
  EXPECT_EQ(refused_criterion("key: ranks, min: 3, max: 2"), "c.yaml:2:37: max: is below min, 3");
  EXPECT_EQ(refused_criterion("key: ranks, min: 3, valid: true"),
            "c.yaml:2:37: valid: stands beside min; one criterion asks for one thing");
  EXPECT_EQ(refused_criterion("valid: false"), "c.yaml:2:17: valid: can only be true");
  EXPECT_EQ(refused_criterion("key: ranks, reference: [2, 0.1, 0.1]"),
            "c.yaml:2:44: reference: 0.1 is out of range, expected -1 <= x <= 0");
  EXPECT_EQ(refused_criterion("key: ranks, reference: [2, null, null]"),
            "c.yaml:2:40: reference: both sides are open: it asks for nothing");
  EXPECT_EQ(refused_criterion("key: ranks, reference: [0, -0.1, null]"),
            "c.yaml:2:41: reference: a share of 0 is no tolerance; use min and max");
  EXPECT_EQ(refused_criterion("key: ranks, max_spread: 0.1"),
            "c.yaml:2:5: over: required key is missing beside max_spread: iterations or records");
  EXPECT_EQ(refused_criterion("key: ranks, max_spread: 0.1, over: night"),
            "c.yaml:2:52: over: 'night' is not accepted, expected one of iterations, records");
  EXPECT_EQ(refused_criterion("valid: true, where: {parallel.tensor: two}"),
            "c.yaml:2:55: parallel.tensor: 'two' is not an integer; expected decimal digits only");
}

TEST(CriteriaReader, AcceptsWhatComesWithTidemark) {
  const std::string path = "inputs/acceptance/criteria.yaml";  // tests run in the source's root
  EXPECT_GE(read_criteria(config::read_text(path), path).size(), 4U);
}

}  // namespace
}  // namespace tidemark::criteria
