#include "bench/overlap.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
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
  const double exposed = median_difference(samples.step, samples.compute, chosen);
  const double all = median_difference(samples.serial, samples.compute, chosen);
  // Nothing to hide: what was hidden of it is no number.
  return all > 0.0 ? 1.0 - exposed / all : std::numeric_limits<double>::quiet_NaN();
}

/// The 5th and 95th percentile over resamples with replacement (Efron, "Bootstrap methods: another
/// look at the jackknife", 1979). The same samples give the same interval. None where so many of
/// the resamples have nothing to hide that it has no lower end.
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
  TIDEMARK_REQUIRE(samples.size() > 0 && samples.serial.size() == samples.size() &&
                       samples.compute.size() == samples.size() &&
                       samples.comm.size() == samples.size(),
                   "overlap needs whole quadruples");
  Indices all(samples.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  OverlapFigures figures;
  figures.exposed_ms = median_difference(samples.step, samples.compute, all);
  figures.serial_exposed_ms = median_difference(samples.serial, samples.compute, all);
  const double comm = median_of(samples.comm);
  figures.is_meaningful = comm >= least_share_of_comm * median_of(samples.step);
  if (!figures.is_meaningful || figures.serial_exposed_ms <= 0.0) return figures;
  figures.efficiency = efficiency_of(samples, all);
  figures.interval = interval_of(samples);
  const double beyond = std::max(0.0, median_difference(samples.comm, samples.compute, all));
  figures.efficiency_max = 1.0 - beyond / figures.serial_exposed_ms;
  figures.osu_percent = 100.0 * (1.0 - figures.exposed_ms / comm);
  if (!figures.interval) return figures;
  const auto [low, high] = *figures.interval;
  figures.is_resolved = samples.size() > 2 && high - low < widest_resolved;
  figures.exceeds_max = figures.is_resolved && low > *figures.efficiency_max;
  return figures;
}

}  // namespace tidemark::bench
