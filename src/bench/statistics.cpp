// SPDX-License-Identifier: BSD-3-Clause
#include "bench/statistics.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace tidemark::bench {

double median_of(std::vector<double> values) {
  TIDEMARK_REQUIRE(!values.empty(), "the median of nothing");
  const std::size_t middle = values.size() / 2;
  std::sort(values.begin(), values.end());
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

double low_median_of(std::vector<double> values) {
  TIDEMARK_REQUIRE(!values.empty(), "the median of nothing");
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) / 2];
}

std::size_t surely_fastest(const std::vector<std::vector<double>>& series) {
  const std::vector<double>& first = series.at(0);
  std::size_t fastest = 0;
  for (std::size_t i = 1; i < series.size(); ++i) {
    TIDEMARK_REQUIRE(series[i].size() == first.size(), "series are measured in turn");
    std::size_t won = 0;
    for (std::size_t round = 0; round < first.size(); ++round) {
      if (series[i][round] < first[round]) ++won;
    }
    const bool is_below = 5 * won >= 4 * first.size();
    if (is_below && median_of(series[i]) < median_of(series[fastest])) fastest = i;
  }
  return fastest;
}

Summary summarize(std::vector<double> samples) {
  Summary summary;
  summary.median = median_of(samples);
  const auto [lowest, highest] = std::minmax_element(samples.begin(), samples.end());
  summary.min = *lowest;
  summary.max = *highest;
  summary.samples = std::move(samples);
  return summary;
}

}  // namespace tidemark::bench
