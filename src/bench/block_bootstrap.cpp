// SPDX-License-Identifier: BSD-3-Clause
#include "bench/block_bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "base/error.hpp"
#include "bench/statistics.hpp"

namespace tidemark::bench {

namespace {

constexpr int resamples = 1000;
constexpr double highest_correlation = 0.97;  // the block length has no meaning above it

/// The position of each value when sorted by size, from 0. So an outlier counts only as the largest
/// value. Equal values share the mean of their positions.
std::vector<double> ranks_of(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) {
      ranks[order[i]] = 0.5 * static_cast<double>(begin + end - 1);
    }
    begin = end;
  }
  return ranks;
}

/// Rank correlation of neighbours, between 0 and highest_correlation. An estimate from n values is
/// too low by about 1/n, which is added.
double correlation_of(const std::vector<double>& values) {
  std::vector<double> ranks = ranks_of(values);
  const auto n = static_cast<double>(ranks.size());
  const double mean = 0.5 * (n - 1.0);
  double squares = 0.0;
  double products = 0.0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    squares += (ranks[i] - mean) * (ranks[i] - mean);
    if (i > 0) products += (ranks[i] - mean) * (ranks[i - 1] - mean);
  }
  if (squares == 0.0) return 0.0;
  return std::clamp(products / squares + 1.0 / n, 0.0, highest_correlation);
}

/// Standard deviation of the log of the median over the resamples.
double standard_error(const std::vector<double>& values, std::size_t length) {
  const std::size_t n = values.size();
  std::mt19937_64 random(20221105);
  std::vector<double> resample(n);
  double sum = 0.0;
  double squares = 0.0;
  const double centre = std::log(median_of(values));
  for (int i = 0; i < resamples; ++i) {
    for (std::size_t filled = 0; filled < n;) {
      const std::size_t start = random() % n;
      for (std::size_t k = 0; k < length && filled < n; ++k) {
        resample[filled++] = values[(start + k) % n];
      }
    }
    const auto middle = resample.begin() + static_cast<std::ptrdiff_t>(n / 2);
    std::nth_element(resample.begin(), middle, resample.end());
    double median = *middle;
    if (n % 2 == 0) median = 0.5 * (median + *std::max_element(resample.begin(), middle));
    const double deviation = std::log(median) - centre;
    sum += deviation;
    squares += deviation * deviation;
  }
  return std::sqrt(std::max(0.0, squares / resamples - (sum / resamples) * (sum / resamples)));
}

}  // namespace

double student_t_95(double degrees) {
  constexpr double z = 1.6448536269514722;  // 95th percentile of the normal distribution
  constexpr double z3 = z * z * z;
  constexpr double z5 = z3 * z * z;
  constexpr double z7 = z5 * z * z;
  constexpr double z9 = z7 * z * z;
  const double v = degrees;
  return z + (z3 + z) / (4.0 * v) + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * v * v) +
         (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * v * v * v) +
         (79.0 * z9 + 776.0 * z7 + 1482.0 * z5 - 1920.0 * z3 - 945.0 * z) /
             (92160.0 * v * v * v * v);
}

std::size_t block_length(const std::vector<double>& values) {
  TIDEMARK_REQUIRE(values.size() >= 3, "blocks of fewer than three values");
  const double root = std::cbrt(static_cast<double>(values.size()));
  const double r = correlation_of(values);
  const double needed = root * std::max(1.0, std::pow(2.0 * r / (1.0 - r * r), 2.0 / 3.0));
  // Rounding may put the cube root slightly above a whole number.
  const auto length = static_cast<std::size_t>(std::ceil(needed - 1e-9));
  return std::min(length, values.size() / 3);
}

std::optional<std::pair<double, double>> median_interval(const std::vector<double>& values) {
  if (values.size() < 3) return std::nullopt;
  for (const double value : values) {
    TIDEMARK_REQUIRE(value > 0.0 && std::isfinite(value), "an interval of times, which are > 0");
  }
  const std::size_t length = block_length(values);
  const double blocks = static_cast<double>(values.size()) / static_cast<double>(length);
  // The bootstrap's error is the one of a sample, which is too small by a factor of sqrt((k - 1) /
  // k).
  const double errors = student_t_95(blocks - 1.0) * std::sqrt(blocks / (blocks - 1.0));
  const double factor = std::exp(errors * standard_error(values, length));
  const double median = median_of(values);
  return std::pair{median / factor, median * factor};
}

}  // namespace tidemark::bench
