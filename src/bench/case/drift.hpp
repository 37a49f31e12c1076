// Whether a machine was in a steady state while it was measured.
#pragma once

#include <optional>
#include <vector>

namespace tidemark::bench {

struct Drift {
  /// Median of the last third of the steps minus that of the first, over the median of all.
  double share = 0.0;
  /// The share is at least half a percent, and more than noise explains.
  bool exceeds_noise = false;
};

/// Of steps in the order measured; none of fewer than 6. A third is floor(n / 3) steps.
///
/// What noise explains: each third, the middle one included, is cut into up to five batches of
/// consecutive steps. The medians of batches differ within their thirds by noise alone, with a
/// standard deviation s on 3 (B - 1) degrees of freedom (batch means: Schmeiser, "Batch size
/// effects in the analysis of simulation output", 1982). The difference of the medians of two
/// thirds must exceed t s sqrt(2 / B) sqrt(pi / 2). t is Student's at 99.5 %, and the last factor
/// is by how much a median varies more than a mean. Steady noise that is independent from step to
/// step trips it in 1 % of the runs at most.
std::optional<Drift> drift_of(const std::vector<double>& steps);

}  // namespace tidemark::bench
