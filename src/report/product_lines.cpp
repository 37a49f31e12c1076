// SPDX-License-Identifier: BSD-3-Clause
#include "report/product_lines.hpp"

#include <optional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tidemark::report {

std::string disturbance_line(const bench::CaseResult& result) {
  if (!result.product_rate_was_disturbed()) return "";
  return fmt::format(
      "  disturbed: the step reached {:.2f} of the product rate, so other work ran while that was "
      "measured\n",
      result.fraction_of_gemm());
}

std::string utilisation_line(const bench::CaseResult& result) {
  if (!result.ceiling_gflops) return "";
  if (result.ceiling_was_disturbed()) {
    return fmt::format(
        "  void: utilisation of a ceiling of {:.1f} GFLOP/s per rank, which a product exceeded: "
        "other work ran while it was measured\n",
        *result.ceiling_gflops);
  }
  const auto percent = [](const std::optional<double>& share) {
    return share ? fmt::format("{:.1f} %", *share * 100.0) : "-";
  };
  return fmt::format(
      "  ceiling {:.1f} GFLOP/s per rank, of it the product {:.1f} %; MFU {}, "
      "without masked scores {}, HFU {}\n",
      *result.ceiling_gflops, result.gemm_gflops.median / *result.ceiling_gflops * 100.0,
      percent(result.mfu()), percent(result.causal_mfu()), percent(result.hfu()));
}

std::string products_line(const bench::CaseResult& result) {
  const std::string library(word_of(result.products.library));
  std::vector<std::string> rates;
  for (const auto& [tried, gflops] : result.products.gflops) {
    rates.push_back(fmt::format("{} {:.1f}", word_of(tried), gflops));
  }
  if (rates.empty()) return fmt::format("  {}\n", library);
  return fmt::format("  {} (GFLOP/s per rank: {})\n", library, fmt::join(rates, ", "));
}

}  // namespace tidemark::report
