// SPDX-License-Identifier: BSD-3-Clause
// Summaries of repeated measurements.
#pragma once

#include <cstddef>
#include <vector>

namespace tidemark::bench {

/// A series of measurements and its reported figures, in the unit of the samples.
struct Summary {
  double median = 0.0;
  double min = 0.0;
  double max = 0.0;
  std::vector<double> samples;  ///< in the order of measurement
};

/// The middle of the sorted values, or the mean of the two middle ones for an even count. Requires
/// at least one value.
double median_of(std::vector<double> values);

/// The same, but the lower of the two middle values for an even count. At least half of the ranks
/// reach it, even if one of two is slow. Requires at least one value.
double low_median_of(std::vector<double> values);

/// The index of the series that should replace series 0; 0 means none. A candidate is below series
/// 0 in at least four of five rounds. Of the candidates, the one with the least median is taken.
/// The series are measured in turn, one value per round. So drift of the machine makes a slower
/// series look faster in at most half of the rounds.
std::size_t surely_fastest(const std::vector<std::vector<double>>& series);

/// Throws RunError if the series is empty.
Summary summarize(std::vector<double> samples);

}  // namespace tidemark::bench
