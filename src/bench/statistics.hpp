// Summaries of repeated measurements.
#pragma once

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

/// Throws RunError for an empty series.
Summary summarize(std::vector<double> samples);

}  // namespace tidemark::bench
