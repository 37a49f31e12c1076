// SPDX-License-Identifier: BSD-3-Clause
// The tables for people: a row per case, what was live at the tide, and the words for a case.
#include "report/table.hpp"

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "report/results.hpp"

namespace tidemark::report {
namespace {

using support::complete_result;
using support::small_case;

TEST(Mode, NamesTheSharding) {
  EXPECT_EQ(mode_of(small_case(1, false)), "single");
  EXPECT_EQ(mode_of(small_case(1, true)), "single");
  EXPECT_EQ(mode_of(small_case(2, false)), "TP");
  EXPECT_EQ(mode_of(small_case(2, true)), "TP+SP");
  config::Case keep = small_case(2, true);
  keep.parallel.keep_gathered = true;
  EXPECT_EQ(mode_of(keep), "TP+SP keep");
}

TEST(Mode, NamesWhatIsNotSaved) {
  config::Case c = small_case(2, true);
  c.recompute = config::Recompute::selective;
  EXPECT_EQ(mode_of(c), "TP+SP+selective");
  c.parallel.keep_gathered = true;
  EXPECT_EQ(mode_of(c), "TP+SP keep+selective");
  config::Case full = small_case(1, false);
  full.recompute = config::Recompute::full;
  EXPECT_EQ(mode_of(full), "single+full");
  full.model.attention = config::Attention::blocked;
  EXPECT_EQ(mode_of(full), "single+full+blocked");
  full.recompute = config::Recompute::none;
  EXPECT_EQ(mode_of(full), "single+blocked");
}

TEST(Shape, NamesEverySizeOnce) {
  config::Case c = small_case(2, true, DType::bf16);
  c.name = "small";
  EXPECT_EQ(shape_of(c), "small: L 2, h 24, ffn 96, a 4, s 12, b 3, bf16");
  c.model.vocab_size = 50257;
  EXPECT_EQ(shape_of(c), "small: L 2, h 24, ffn 96, a 4, s 12, b 3, V 50257, bf16");
}

config::Case with_vocabulary(std::int64_t size, std::int64_t t) {
  config::Case c = small_case(t, false);
  c.model.vocab_size = size;
  return c;
}

TEST(Padding, IsNamedOnceForEachVocabularyThatNeedsIt) {
  EXPECT_EQ(padding_lines({small_case(4, false)}), "");
  EXPECT_EQ(padding_lines({with_vocabulary(40, 4)}), "");
  EXPECT_EQ(padding_lines({with_vocabulary(37, 1)}), "");
  EXPECT_EQ(padding_lines({with_vocabulary(37, 4), with_vocabulary(40, 4), with_vocabulary(37, 4),
                           with_vocabulary(50257, 8), small_case(4, false)}),
            "vocabulary of 37 padded to 40, a multiple of t = 4\n"
            "vocabulary of 50257 padded to 50264, a multiple of t = 8\n");
}

std::vector<std::string> words_of_row(const bench::CaseResult& result) {
  std::istringstream row(table_row({result.settings}, result));
  std::vector<std::string> words;
  for (std::string word; row >> word;) words.push_back(word);
  return words;
}

// Figures of a valid row. A reader of the table must see what the record has.
TEST(TableRow, HoldsTheFiguresOfTheResult) {
  bench::CaseResult result = complete_result();
  result.memory.saved = 3 << 20;
  result.memory.formula_per_layer = (3 << 20) / 2;
  result.memory.peak = 5 << 20;
  result.calls[0].wire_bytes = 1 << 20;
  // 2 ranks, 2 ms: 10 GFLOP/s per rank. The two ranks together have 0.02 TFLOP/s, between 0.016 and
  // 0.04.
  result.model_flops_per_step = 4e7;
  EXPECT_EQ(words_of_row(result),
            (std::vector<std::string>{"TP+SP", "2", "2.00", "0.02000", "60.0", "18000.0", "5.000",
                                      "3.00", "3.00", "5.00", "1.00", "yes"}));
}

TEST(TableRow, GivesFourDigitsOfTheFigureOfMerit) {
  bench::CaseResult result = complete_result();
  for (const auto& [flops, text] : {std::pair{2.4692e9, "1.235"},
                                    {2.4692e11, "123.5"},
                                    {2.4692e13, "12346"},
                                    {2e6, "0.001000"}}) {
    result.model_flops_per_step = flops;
    EXPECT_EQ(words_of_row(result)[3], text);
  }
}

TEST(TableRow, GivesNoUncertaintyOfTooFewSteps) {
  bench::CaseResult result = complete_result();
  result.step_ms_interval.reset();
  EXPECT_EQ(words_of_row(result)[4], "-");
}

TEST(TableRow, GivesNoFigureOfMeritForAnEmulatedLink) {
  bench::CaseResult result = complete_result();
  result.settings.emulated_link.latency_us = 1.0;
  for (const std::size_t column : {3U, 4U, 5U}) EXPECT_EQ(words_of_row(result)[column], "-");
}

TEST(TableRow, GivesNoFigureOfMeritWithoutAVerdictThatItIsValid) {
  bench::CaseResult result = complete_result();
  result.verification.checks[0].value = 1.0;
  EXPECT_EQ(words_of_row(result)[3], "INVALID");
  EXPECT_EQ(words_of_row(result)[4], "-");
  EXPECT_EQ(words_of_row(result)[5], "-");
  EXPECT_EQ(words_of_row(result).back(), "INVALID");
  EXPECT_EQ(failure_lines(result), "  INVALID: check: 1 is above 0\n");
  result.verification.checks.clear();
  EXPECT_EQ(words_of_row(result)[3], "-");
  EXPECT_EQ(words_of_row(result).back(), "unknown");
  EXPECT_EQ(failure_lines(result), "");
}

TEST(Table, ColumnsStayApart) {
  bench::CaseResult result = complete_result();
  result.memory.saved = result.memory.peak = std::int64_t{1} << 40;
  result.memory.formula_per_layer = std::int64_t{1} << 39;
  result.step_ms = bench::summarize({123456.78});
  EXPECT_EQ(words_of_row(result).size(), 12U);
  std::istringstream header(table_header({result.settings}));
  std::string first;
  std::getline(header, first);
  std::istringstream names(first);
  std::vector<std::string> words;
  for (std::string word; names >> word;) words.push_back(word);
  EXPECT_EQ(words.size(), 12U);
}

// Every mode under one header, whether its name is long or short.
TEST(Table, ColumnsStandUnderTheirNames) {
  std::vector<config::Case> cases{small_case(2, false), small_case(2, true), small_case(1, false)};
  cases[1].parallel.keep_gathered = true;
  cases[1].recompute = config::Recompute::selective;
  cases[2].recompute = config::Recompute::full;
  cases[2].model.attention = config::Attention::blocked;
  const std::string header = table_header(cases);
  const std::size_t width = header.find('\n');
  EXPECT_EQ(header.size(), 2 * (width + 1));
  for (const config::Case& c : cases) {
    bench::CaseResult result = complete_result();
    result.settings = c;
    const std::string row = table_row(cases, result);
    EXPECT_EQ(row.size(), width + 1) << row;
    EXPECT_EQ(row.rfind(mode_of(c) + " ", 0), 0U) << row;
  }
}

TEST(Table, SweptSettingsWithoutAColumnStandInFront) {
  bench::CaseResult result = complete_result();
  result.settings.swept = {{"model.hidden_size", "24"},
                           {"parallel.sequence", "true"},
                           {"recompute", "none"},
                           {"model.attention", "materialized"},
                           {"precision", "fp32"}};
  const auto words = words_of_row(result);
  EXPECT_EQ(words[0], "hidden_size=24");
  EXPECT_EQ(words[1], "precision=fp32");
  EXPECT_EQ(words[2], "TP+SP");
}

TEST(Table, TheFormulaIsThatOfTheWholeStack) {
  bench::CaseResult result = complete_result();
  result.memory.formula_per_layer = 3 << 20;
  result.memory.formula_of_ends = 5 << 20;
  EXPECT_EQ(words_of_row(result)[8], "11.00");
}

TEST(Table, WiresCarryActivations) {
  bench::CaseResult result = complete_result();
  result.calls[0].wire_bytes = 2 << 20;
  result.calls.push_back(result.calls[0]);
  result.calls.push_back(result.calls[0]);
  result.calls[1].operation = comm::Operation::reduce_scatter;
  result.calls[2].purpose = comm::Purpose::gradient;
  EXPECT_EQ(words_of_row(result)[10], "4.00");
}

TEST(Table, TideListsTheLargestFirst) {
  bench::CaseResult result = complete_result();
  result.memory.peak = 5 << 20;
  result.memory.at_peak = {{"qkv", 0, "saved", 1 << 20},
                           {"output", -1, "transient", 1 << 19},
                           {"fc1 input", 0, "recomputed", 1 << 20},
                           {"qkv", 1, "saved", 1 << 20}};
  EXPECT_EQ(tide_lines(result, 2),
            "At the tide of TP+SP (5.00 MiB/rank):\n"
            "        2.00 MiB  saved       qkv x 2\n"
            "        1.00 MiB  recomputed  fc1 input\n"
            "  and 1 smaller ones\n");
}

}  // namespace
}  // namespace tidemark::report
