// Summaries of repeated measurements.
#pragma once

#include <cstddef>
#include <vector>

namespace tidemark::bench {

/// A measured series with the figures that are reported of it, in the unit of the samples.
struct Summary {
  double median = 0.0;
  double min = 0.0;
  double max = 0.0;
  std::vector<double> samples;  ///< in the order measured
};

/// Middle of the sorted values, mean of the two middle ones for an even count. Requires a value.
double median_of(std::vector<double> values);

/// The same, but the lower of the two middle ones for an even count: what at least half of a few
/// ranks reach, when one of two is slow. Requires a value.
double low_median_of(std::vector<double> values);

/// Which series to take in place of the first, by index: that of the least median among those below
/// the first one in four of five rounds or more, or none of them, 0. Series are measured in turn, a
/// round each; a machine that drifts makes a slower one look faster in half of the rounds at most.
std::size_t surely_fastest(const std::vector<std::vector<double>>& series);

/// Throws RunError for an empty series.
Summary summarize(std::vector<double> samples);

}  // namespace tidemark::bench
