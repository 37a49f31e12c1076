// SPDX-License-Identifier: BSD-3-Clause
// Whether a machine was in a steady state during a measurement.
#pragma once

#include <optional>
#include <vector>

namespace tidemark::bench {

struct Drift {
  /// Median of the last third of the steps minus that of the first, divided by the median of all.
  double share = 0.0;
  /// The share is at least half a percent, and noise does not explain it.
  bool exceeds_noise = false;
};

/// Drift of steps in the order in which they were measured; nullopt for fewer than 6. A third has
/// floor(n / 3) steps.
///
/// The limit for noise: each of the three thirds is cut into up to five batches of consecutive
/// steps. Within a third, only noise makes the medians of batches differ. Let s be their standard
/// deviation, with 3 (B - 1) degrees of freedom (batch means: Schmeiser, "Batch size effects in the
/// analysis of simulation output", 1982). The difference of the medians of two thirds must exceed t
/// s sqrt(2 / B) sqrt(pi / 2). t is Student's at 99.5 %. The last factor is how much more a median
/// varies than a mean. Steady noise that is independent from step to step exceeds the limit in at
/// most 1 % of the runs.
std::optional<Drift> drift_of(const std::vector<double>& steps);

}  // namespace tidemark::bench
