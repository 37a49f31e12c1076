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
