// SPDX-License-Identifier: BSD-3-Clause
// The uncertainty of the median of consecutive measurements.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace tidemark::bench {

/// 90 % interval of the median of positive values, in the order in which they were measured.
/// Neighbours may be correlated. nullopt for fewer than 3 values. Equal values give equal
/// intervals.
///
/// A bootstrap of blocks of consecutive values gives the standard error of the log of the median
/// (Künsch, "The jackknife and the bootstrap for general stationary observations", 1989; in a
/// circle, Politis and Romano, 1992). The interval is the median times or divided by exp(t error).
/// t is Student's for (number of blocks - 1) degrees of freedom.
std::optional<std::pair<double, double>> median_interval(const std::vector<double>& values);

/// Length of the bootstrap's blocks: the larger of two lengths. The first is n^(1/3), the order
/// that makes the bootstrap's error least (Hall, Horowitz and Jing, 1995). The second is (2 r / (1
/// - r^2))^(2/3) n^(1/3), where r is the rank correlation of neighbours (Carlstein, 1986). At most
/// n / 3, so that there are three blocks. Requires three values.
std::size_t block_length(const std::vector<double>& values);

/// The 95th percentile of Student's t for `degrees` of freedom, at least 2. Accurate within 0.5 %,
/// by expansion 26.7.5 of Abramowitz and Stegun.
double student_t_95(double degrees);

}  // namespace tidemark::bench
