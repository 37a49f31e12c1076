// How well a median of consecutive measurements is known.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace tidemark::bench {

/// 90 % interval of the median of positive values in the order measured, which need not be
/// independent of their neighbours; none of fewer than 3. The same values give the same interval.
///
/// The standard error of the log of the median comes from a bootstrap of blocks of consecutive
/// values (Künsch, "The jackknife and the bootstrap for general stationary observations", 1989; in
/// a circle, Politis and Romano, 1992). The interval is as many of these errors wide as Student's t
/// of (number of blocks - 1) degrees of freedom says.
std::optional<std::pair<double, double>> median_interval(const std::vector<double>& values);

/// Length of its blocks: n^(1/3), the order that makes the bootstrap's error least (Hall, Horowitz
/// and Jing, 1995), and as long as neighbours resemble each other: (2 r / (1 - r^2))^(2/3) n^(1/3),
/// r being the correlation of neighbours' ranks (Carlstein, 1986). At most n / 3, so that there are
/// three blocks. Requires three values.
std::size_t block_length(const std::vector<double>& values);

/// The 95th percentile of Student's t of `degrees` of freedom, at least 2: within 0.5 %, by the
/// expansion 26.7.5 of Abramowitz and Stegun.
double student_t_95(double degrees);

}  // namespace tidemark::bench
