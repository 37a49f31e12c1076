// SPDX-License-Identifier: BSD-3-Clause
#include "criteria/verdict_table.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include <fmt/format.h>

namespace tidemark::criteria {

namespace {

using Row = std::array<std::string, 6>;

std::string word_of(const Verdict& verdict) {
  if (verdict.records == 0) return "NO CASE";
  return verdict.passed() ? "pass" : "FAIL";
}

}  // namespace

std::string verdict_table(const std::vector<Verdict>& verdicts) {
  std::vector<Row> rows{{"criterion", "records", "worst case", "measured", "bound", "verdict"}};
  for (const Verdict& verdict : verdicts) {
    rows.push_back({verdict.name, fmt::format("{}", verdict.records), verdict.label,
                    verdict.measured, verdict.bound, word_of(verdict)});
  }
  std::array<std::size_t, 6> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      text += i == 1 ? fmt::format("{:>{}}  ", row[i], widths[i])
                     : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    text += row.back() + "\n";
  }
  for (const Verdict& verdict : verdicts) {
    for (const std::string& reason : verdict.reasons) {
      text += fmt::format("  FAIL: {}: {}\n", verdict.name, reason);
    }
    if (verdict.failed > verdict.reasons.size()) {
      text += fmt::format("  FAIL: {}: and {} more\n", verdict.name,
                          verdict.failed - verdict.reasons.size());
    }
  }
  return text;
}

}  // namespace tidemark::criteria
