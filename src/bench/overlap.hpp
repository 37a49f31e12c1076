// Overlap efficiency: how much of the communication hides behind the computation.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace tidemark::bench {

/// Four runs of the same step, milliseconds of the slowest rank, quadruple by quadruple: as
/// configured; with overlap.mode none; without the collectives; without the kernels.
struct OverlapSamples {
  std::vector<double> step, serial, compute, comm;

  [[nodiscard]] std::size_t size() const { return step.size(); }
};

/// Overlap of one case, from its quadruples; definitions in docs/definitions.md. Differences are
/// taken within a quadruple, so that what drifts from one to the next cancels.
struct OverlapFigures {
  double exposed_ms = 0.0;         ///< median of step - compute
  double serial_exposed_ms = 0.0;  ///< median of serial - compute: all that there is to hide
  /// 1 - exposed / serial exposed, never clamped; unknown where comm is under 1 % of the step, or
  /// the collectives cost nothing.
  std::optional<double> efficiency;
  std::optional<std::pair<double, double>> interval;  ///< 90 %, by bootstrap over the quadruples
  std::optional<double> efficiency_max;  ///< 1 - max(0, comm - compute) / serial exposed
  std::optional<double> osu_percent;     ///< 100 (1 - exposed / comm)
  bool is_meaningful = false;            ///< comm is at least 1 % of the step
  bool is_resolved = false;              ///< the interval is narrower than 0.15
  bool exceeds_max = false;  ///< the whole interval lies above efficiency_max: a bug somewhere
};

/// Requires a quadruple at least.
OverlapFigures overlap_of(const OverlapSamples& samples);

}  // namespace tidemark::bench
