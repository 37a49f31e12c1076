// SPDX-License-Identifier: BSD-3-Clause
#include "bench/step/overlap.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "base/error.hpp"
#include "bench/statistics.hpp"

namespace tidemark::bench {

namespace {

constexpr double least_share_of_comm = 0.01;
constexpr double widest_resolved = 0.15;

using Indices = std::vector<std::size_t>;

double median_difference(const std::vector<double>& a, const std::vector<double>& b,
                         const Indices& chosen) {
  std::vector<double> differences;
  differences.reserve(chosen.size());
  for (const std::size_t i : chosen) differences.push_back(a[i] - b[i]);
  return median_of(std::move(differences));
}

double efficiency_of(const OverlapSamples& samples, const Indices& chosen) {
  const double cost = median_difference(samples.serial, samples.compute_serial, chosen);
  // If communication costs nothing, E has no value.
  return cost > 0.0 ? median_difference(samples.serial, samples.step, chosen) / cost
                    : std::numeric_limits<double>::quiet_NaN();
}

std::optional<double> schedule_efficiency_of(const OverlapSamples& samples, const Indices& chosen) {
  const double all = median_difference(samples.serial, samples.compute, chosen);
  if (all <= 0.0) return std::nullopt;
  return 1.0 - median_difference(samples.step, samples.compute, chosen) / all;
}

/// The 5th and 95th percentile of E over resamples of tuples with replacement (Efron, "Bootstrap
/// methods: another look at the jackknife", 1979). Equal samples give equal intervals. nullopt if
/// communication costs nothing in so many resamples that the interval has no lower end.
std::optional<std::pair<double, double>> interval_of(const OverlapSamples& samples) {
  constexpr int resamples = 2000;
  constexpr double unbounded = std::numeric_limits<double>::lowest();
  std::mt19937_64 random(20221105);
  std::vector<double> efficiencies;
  Indices chosen(samples.size());
  for (int i = 0; i < resamples; ++i) {
    for (std::size_t& index : chosen) index = random() % samples.size();
    const double efficiency = efficiency_of(samples, chosen);
    efficiencies.push_back(std::isfinite(efficiency) ? efficiency : unbounded);
  }
  std::sort(efficiencies.begin(), efficiencies.end());
  const double low = efficiencies[resamples / 20];
  if (low == unbounded) return std::nullopt;
  return std::pair{low, efficiencies[resamples - 1 - resamples / 20]};
}

}  // namespace

OverlapFigures overlap_of(const OverlapSamples& samples) {
  const std::size_t count = samples.size();
  TIDEMARK_REQUIRE(count > 0 && samples.serial.size() == count &&
                       samples.compute_serial.size() == count && samples.compute.size() == count &&
                       samples.comm.size() == count,
                   "overlap needs whole tuples");
  Indices all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  OverlapFigures figures;
  figures.exposed_ms = median_difference(samples.step, samples.compute, all);
  figures.serial_exposed_ms = median_difference(samples.serial, samples.compute_serial, all);
  figures.split_cost_ms = median_difference(samples.compute, samples.compute_serial, all);
  const double comm = median_of(samples.comm);
  figures.is_meaningful = comm >= least_share_of_comm * median_of(samples.step);
  if (!figures.is_meaningful || figures.serial_exposed_ms <= 0.0) return figures;
  figures.efficiency = efficiency_of(samples, all);
  figures.interval = interval_of(samples);
  figures.schedule_efficiency = schedule_efficiency_of(samples, all);
  const double beyond = median_difference(samples.comm, samples.compute_serial, all);
  figures.efficiency_max = 1.0 - std::max(0.0, beyond) / figures.serial_exposed_ms;
  figures.osu_percent = 100.0 * std::max(0.0, 1.0 - figures.exposed_ms / comm);
  if (!figures.interval) return figures;
  const auto [low, high] = *figures.interval;
  figures.is_resolved = count >= least_tuples && high - low < widest_resolved;
  // If chunks are faster than whole products, a step may take less time than the serial kernels.
  const double least_beyond = std::max(beyond, std::min(0.0, figures.split_cost_ms));
  const double most = 1.0 - least_beyond / figures.serial_exposed_ms;
  figures.exceeds_max = figures.is_resolved && low > most;
  return figures;
}

}  // namespace tidemark::bench
