// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/drift.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>

#include "bench/statistics.hpp"

namespace tidemark::bench {

namespace {

constexpr std::size_t fewest_steps = 6;
constexpr std::size_t most_batches = 5;
constexpr double least_share = 0.005;

/// Student's t at 99.5 % for 3 (B - 1) degrees of freedom, for B = 2, 3, ...
constexpr std::array<double, most_batches - 1> student_t_995{5.841, 3.707, 3.250, 3.055};

double median_of_part(std::span<const double> part) {
  return median_of(std::vector<double>(part.begin(), part.end()));
}

/// Cuts a third of the steps into batches. Returns the sum of the squared differences between the
/// batches' medians and the mean of these medians.
double squares_within(std::span<const double> third, std::size_t batches) {
  std::vector<double> medians;
  double mean = 0.0;
  for (std::size_t i = 0; i < batches; ++i) {
    const std::size_t begin = i * third.size() / batches;
    const std::size_t end = (i + 1) * third.size() / batches;
    medians.push_back(median_of_part(third.subspan(begin, end - begin)));
    mean += medians.back() / static_cast<double>(batches);
  }
  double squares = 0.0;
  for (const double median : medians) squares += (median - mean) * (median - mean);
  return squares;
}

}  // namespace

std::optional<Drift> drift_of(const std::vector<double>& steps) {
  if (steps.size() < fewest_steps) return std::nullopt;
  const std::span<const double> all(steps);
  const std::size_t length = steps.size() / 3;
  const auto first = all.first(length);
  const auto middle = all.subspan((steps.size() - length) / 2, length);
  const auto last = all.last(length);
  const std::size_t batches = std::min(length, most_batches);
  const double squares = squares_within(first, batches) + squares_within(middle, batches) +
                         squares_within(last, batches);
  const double deviation = std::sqrt(squares / (3.0 * static_cast<double>(batches - 1)));
  const double noise = student_t_995[batches - 2] * deviation *
                       std::sqrt(std::numbers::pi / static_cast<double>(batches));
  const double difference = median_of_part(last) - median_of_part(first);
  Drift drift;
  drift.share = difference / median_of(steps);
  drift.exceeds_noise = std::abs(difference) > noise && std::abs(drift.share) >= least_share;
  return drift;
}

}  // namespace tidemark::bench
