// Overlap efficiency: how much of the cost of communication a schedule makes go away.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace tidemark::bench {

/// Five runs of the same step, milliseconds of the slowest rank, tuple by tuple. What each leaves
/// out is said at bench::Variant.
struct OverlapSamples {
  std::vector<double> step, serial, compute_serial, compute, comm;

  [[nodiscard]] std::size_t size() const { return step.size(); }
};

/// Overlap of one case, from its tuples; definitions in docs/definitions/overlap.md. Differences
/// are taken within a tuple, so that drift from one to the next cancels.
struct OverlapFigures {
  double exposed_ms = 0.0;         ///< median of step - compute
  double serial_exposed_ms = 0.0;  ///< median of serial - compute_serial: what communication costs
  double split_cost_ms = 0.0;      ///< median of compute - compute_serial
  /// E, median of serial - step over serial exposed, never clamped; unknown where comm is under 1 %
  /// of the step, or communication costs nothing.
  std::optional<double> efficiency;
  std::optional<std::pair<double, double>> interval;  ///< 90 %, by bootstrap over the tuples
  /// 1 - exposed over the median of serial - compute: what is hidden of what there is to hide
  /// between the schedule's own kernels. Unknown where E is, or where there is nothing to hide.
  std::optional<double> schedule_efficiency;
  std::optional<double> efficiency_max;  ///< 1 - max(0, comm - compute_serial) / serial exposed
  std::optional<double> osu_percent;     ///< 100 max(0, 1 - exposed / comm)
  bool is_meaningful = false;            ///< comm is at least 1 % of the step
  bool is_resolved = false;  ///< the interval is narrower than 0.15, of at least 6 tuples
  /// The whole interval lies above what is possible with kernels as fast as the schedule's: a bug.
  bool exceeds_max = false;
};

/// Fewest tuples that an efficiency can be resolved by: the interval of fewer covers the truth too
/// rarely.
inline constexpr std::size_t least_tuples = 6;

/// Requires a tuple at least.
OverlapFigures overlap_of(const OverlapSamples& samples);

}  // namespace tidemark::bench
