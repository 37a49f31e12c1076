// SPDX-License-Identifier: BSD-3-Clause
// What `tidemark plan` prints, against the published numbers and the numbers of the plans.
#include "report/plan_table.hpp"

#include <cstdint>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bench/dry_run/dry_run.hpp"
#include "report/results.hpp"
#include "report/table.hpp"

namespace tidemark::report {
namespace {

using support::published_case;
using support::small_case;
using Words = std::vector<std::string>;

std::vector<bench::PlanResult> plans_of(const std::vector<config::Case>& cases) {
  std::vector<bench::PlanResult> plans;
  for (const config::Case& c : cases) plans.push_back(bench::plan_case(c));
  return plans;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// The text after `name` in the indented lines that begin with it.
std::vector<std::string> lines_named(const std::string& text, const std::string& name) {
  std::vector<std::string> found;
  for (const std::string& line : lines_of(text)) {
    if (line.rfind("  " + name + "  ", 0) == 0) found.push_back(line.substr(name.size() + 4));
  }
  return found;
}

/// The words after a name that occurs once in the text.
Words row(const std::string& text, const std::string& name) {
  const auto lines = lines_named(text, name);
  EXPECT_EQ(lines.size(), 1U) << name << "\n" << text;
  Words words;
  if (lines.empty()) return words;
  std::istringstream stream(lines[0]);
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// The 22B model without and with SP, each with nothing, the core, and everything recomputed.
std::vector<config::Case> all_of_22b() {
  std::vector<config::Case> cases;
  for (const bool sequence : {false, true}) {
    for (const char* recompute : {"none", "selective", "full"}) {
      cases.push_back(published_case(6144, 64, 4, sequence, recompute));
    }
  }
  return cases;
}

TEST(PlanTable, HasThePublishedNumbers) {
  const Words published{"1264.00", "624.00", "96.00", "844.00", "204.00", "12.00"};
  const std::string text = plan_tables(plans_of(all_of_22b()), std::nullopt);
  EXPECT_EQ(row(text, "sum without norm statistics"), published);
  EXPECT_EQ(row(text, "published closed form"), published);
  EXPECT_EQ(row(text, "qkv input"), (Words{"96.00", "96.00", "-", "12.00", "12.00", "-"}));
  EXPECT_EQ(row(text, "softmax output"), (Words{"256.00", "-", "-", "256.00", "-", "-"}));
  EXPECT_EQ(row(text, "all_reduce (activation), calls"), (Words{"4", "4", "6", "-", "-", "-"}));
  // 2 (t-1)/t of 96 MiB each.
  EXPECT_EQ(row(text, "all_reduce (activation), wire MiB"),
            (Words{"672.00", "672.00", "1008.00", "-", "-", "-"}));
}

TEST(PlanTable, HeadsEveryTableWithTheCases) {
  const std::string text = plan_tables(plans_of(all_of_22b()), std::nullopt);
  int headings = 0;
  for (const std::string& line : lines_of(text)) {
    if (line.empty() || line[0] == ' ') continue;
    ++headings;
    std::size_t place = 0;
    for (const char* mode : {"TP t=8", "TP+selective t=8", "TP+full t=8", "TP+SP t=8",
                             "TP+SP+selective t=8", "TP+SP+full t=8"}) {
      place = line.find(std::string("  ") + mode, place);
      EXPECT_NE(place, std::string::npos) << mode << " in " << line;
    }
  }
  EXPECT_EQ(headings, 4);
}

// The right edges of the columns are where their headings end, even if names are long.
TEST(PlanTable, ColumnsStandBelowEachOther) {
  for (const bool sequence : {false, true}) {
    config::Case c = published_case(6144, 64, 4, sequence, "full");
    c.model.vocab_size = 50257;
    const auto lines = lines_of(plan_tables(plans_of({c, c}), std::nullopt));
    for (const std::string& line : lines) {
      if (line.empty()) continue;
      EXPECT_EQ(line.size(), lines[0].size()) << line;
    }
  }
}

TEST(PlanTable, WrapsBehindSixCases) {
  std::vector<config::Case> cases;
  for (int layers = 1; layers <= 13; ++layers) {
    cases.push_back(small_case(2, true));
    cases.back().model.num_layers = layers;
    cases.back().swept = {{"model.num_layers", std::to_string(layers)}};
  }
  const std::string text = plan_tables(plans_of(cases), std::nullopt);
  int layers = 1;
  for (const std::size_t columns : {6U, 6U, 1U}) {
    std::size_t place = text.find("num_layers=" + std::to_string(layers));
    place = text.rfind('\n', place) == std::string::npos ? 0 : text.rfind('\n', place) + 1;
    const std::string line = text.substr(place, text.find('\n', place) - place);
    EXPECT_EQ(line.rfind("Saved by a layer, MiB/rank", 0), 0U) << line;
    for (std::size_t i = 0; i < columns; ++i, ++layers) {
      EXPECT_NE(line.find("TP+SP t=2 num_layers=" + std::to_string(layers)), std::string::npos);
    }
    EXPECT_EQ(line.find("num_layers=" + std::to_string(layers)), std::string::npos);
    if (place > 0) {
      EXPECT_EQ(text.substr(place - 2, 2), "\n\n");
    }
  }
  EXPECT_EQ(lines_named(text, "peak").size(), 3U);
}

TEST(PlanTable, NamesWhatIsSweptBesidesTheMode) {
  config::Case c = small_case(2, true);
  c.swept = {{"parallel.sequence", "true"},
             {"precision", "fp64"},
             {"recompute", "none"},
             {"model.attention", "materialized"},
             {"model.seq_length", "12"}};
  const std::string text = plan_tables(plans_of({c}), std::nullopt);
  EXPECT_NE(text.find("  TP+SP t=2 precision=fp64 seq_length=12\n"), std::string::npos) << text;
}

TEST(PlanTable, ListsTensorsInTheOrderOfTheForwardPass) {
  config::Case none = small_case(2, true);
  config::Case full = none;
  full.recompute = config::Recompute::full;
  config::Case blocked = none;
  blocked.model.attention = config::Attention::blocked;
  const std::string text = plan_tables(plans_of({full, blocked, none}), std::nullopt);
  std::size_t place = 0;
  for (const char* name :
       {"norm1 input", "norm1 statistics", "qkv input", "qkv", "proj input", "norm2 input",
        "fc1 input", "gelu input", "fc2 input", "hidden dropout mask 2", "sum without"}) {
    const std::size_t next = text.find(std::string("\n  ") + name + " ", place);
    ASSERT_NE(next, std::string::npos) << name << " in\n" << text;
    place = next + 1;
  }
  EXPECT_LT(text.find("\n  qkv  "), text.find("\n  softmax output"));
  EXPECT_LT(text.find("\n  softmax output"), text.find("\n  proj input"));
  EXPECT_LT(text.find("\n  qkv  "), text.find("\n  attention log-sum-exp"));
  EXPECT_LT(text.find("\n  attention log-sum-exp"), text.find("\n  proj input"));
}

TEST(PlanTable, HasADashForWhatACaseDoesNotHave) {
  config::Case without = small_case(2, true);
  without.model.hidden_dropout = 0.0;
  const std::string text = plan_tables(plans_of({small_case(2, true), without}), std::nullopt);
  EXPECT_EQ(row(text, "published closed form")[1], "-");
  EXPECT_NE(row(text, "published closed form")[0], "-");
  EXPECT_EQ(row(text, "hidden dropout mask 1")[1], "-");
}

TEST(PlanTable, ShowsTheEndsWhereThereAreSome) {
  EXPECT_EQ(plan_tables(plans_of({small_case(2, true)}), std::nullopt).find("by the ends"),
            std::string::npos);
  config::Case ends = published_case(6144, 64, 4, true);
  ends.model.vocab_size = 51200;
  const auto plans = plans_of({published_case(6144, 64, 4, true), ends});
  const std::string text = plan_tables(plans, std::nullopt);
  // sbh is 48 MiB: (1 + 2 + 2)/8 of it, and 4 sbV/t = 200 MiB.
  EXPECT_EQ(row(text, "embedding dropout mask"), (Words{"-", "6.00"}));
  EXPECT_EQ(row(text, "final norm input"), (Words{"-", "12.00"}));
  EXPECT_EQ(row(text, "output projection input"), (Words{"-", "12.00"}));
  EXPECT_EQ(row(text, "logits"), (Words{"-", "200.00"}));
  EXPECT_EQ(lines_named(text, "sum without norm statistics").size(), 2U);
  EXPECT_NE(text.find("\n  final norm statistics"), std::string::npos);
  const auto closed = lines_named(text, "published closed form");
  ASSERT_EQ(closed.size(), 2U);
  EXPECT_EQ(closed[1].substr(closed[1].find_last_of(' ') + 1), "230.00");
}

/// The sum over the lines of a column between a heading and its last row.
double sum_of_tide(const std::string& text, std::size_t column) {
  double sum = 0.0;
  bool inside = false;
  for (const std::string& line : lines_of(text)) {
    if (line.rfind("  peak  ", 0) == 0) break;
    std::istringstream stream(line);
    Words words;
    for (std::string word; stream >> word;) words.push_back(word);
    const std::string cell = inside ? words[words.size() - 2 + column] : "-";
    sum += cell == "-" ? 0.0 : std::stod(cell);
    inside = inside || line.rfind("Live at the tide", 0) == 0;
  }
  return sum;
}

TEST(PlanTable, TheTideAddsUpToThePeak) {
  const auto plans = plans_of(
      {published_case(6144, 64, 4, false, "full"), published_case(6144, 64, 4, true, "selective")});
  const std::string text = plan_tables(plans, std::nullopt);
  const Words peak = row(text, "peak");
  ASSERT_EQ(peak.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(std::stod(peak[i]), static_cast<double>(plans[i].memory.peak) / 1048576, 0.006);
    EXPECT_NEAR(sum_of_tide(text, i), std::stod(peak[i]), 0.06);
  }
}

TEST(PlanTable, HasTheLargestTensorsOfTheTideFirst) {
  bench::PlanResult plan;
  plan.settings = small_case(2, true);
  plan.memory.peak = 66 << 20;
  for (int i = 1; i <= 11; ++i) {
    static const char* const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
    plan.memory.at_peak.push_back({names[i - 1], 0, "saved", std::int64_t{i} << 20});
  }
  const std::string text = plan_tables({plan}, std::nullopt);
  EXPECT_LT(text.find("  k (saved)"), text.find("  j (saved)"));
  EXPECT_LT(text.find("  c (saved)"), text.find("  b (saved)"));
  EXPECT_EQ(text.find("  a (saved)"), std::string::npos);
  EXPECT_EQ(row(text, "1 smaller ones"), Words{"1.00"});
}

bench::PlanResult plan_of_gib() {
  constexpr std::int64_t gib = std::int64_t{1} << 30;
  bench::PlanResult plan;
  plan.settings = small_case(2, true);
  plan.memory.parameters = 1 * gib;
  plan.memory.gradients = 2 * gib;
  plan.memory.optimizer = 4 * gib;
  plan.memory.saved = 5 * gib;
  plan.memory.peak = 8 * gib;
  plan.memory.communication_buffers = 16 * gib;
  plan.model_flops_per_step = 3e12;
  plan.launched_flops_per_rank = 2.5e12;
  return plan;
}

TEST(PlanTable, SumsUpWhatTrainingHolds) {
  const std::string text = plan_tables({plan_of_gib()}, std::nullopt);
  EXPECT_EQ(row(text, "parameters"), Words{"1.00"});
  EXPECT_EQ(row(text, "gradients"), Words{"2.00"});
  EXPECT_EQ(row(text, "optimizer (Adam)"), Words{"4.00"});
  EXPECT_EQ(row(text, "saved activations"), Words{"5.00"});
  EXPECT_EQ(row(text, "peak of all activations"), Words{"8.00"});
  EXPECT_EQ(row(text, "communication buffers"), Words{"16.00"});
  EXPECT_EQ(row(text, "total (with the peak)"), Words{"31.00"});
  EXPECT_EQ(row(text, "operations of the model, TFLOP"), Words{"1.500"});
  EXPECT_EQ(row(text, "operations launched, TFLOP"), Words{"2.500"});
}

TEST(PlanTable, SaysWhetherThatFits) {
  constexpr std::int64_t total = std::int64_t{31} << 30;
  bench::PlanResult larger = plan_of_gib();
  larger.memory.peak += 1;
  const std::string text = plan_tables({plan_of_gib(), larger}, total);
  EXPECT_EQ(row(text, "fits 31.00 GiB"), (Words{"yes", "NO"}));
  EXPECT_EQ(plan_tables({plan_of_gib()}, std::nullopt).find("fits"), std::string::npos);
}

}  // namespace
}  // namespace tidemark::report
