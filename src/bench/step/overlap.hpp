// SPDX-License-Identifier: BSD-3-Clause
// Overlap efficiency: the share of the cost of communication that a schedule removes.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace tidemark::bench {

/// Times of the five step variants in milliseconds of the slowest rank, one value per tuple.
/// bench::Variant describes the variants.
struct OverlapSamples {
  std::vector<double> step, serial, compute_serial, compute, comm;

  [[nodiscard]] std::size_t size() const { return step.size(); }
};

/// The overlap of one case, computed from its tuples. docs/definitions/overlap.md has the
/// definitions. Differences are taken within a tuple, so that drift between tuples cancels.
struct OverlapFigures {
  double exposed_ms = 0.0;         ///< median of step - compute
  double serial_exposed_ms = 0.0;  ///< median of serial - compute_serial, the cost of communication
  double split_cost_ms = 0.0;      ///< median of compute - compute_serial
  /// E: median of serial - step, divided by serial_exposed_ms; never clamped. Unknown if comm is
  /// under 1 % of the step, or if communication costs nothing.
  std::optional<double> efficiency;
  std::optional<std::pair<double, double>> interval;  ///< 90 %, by bootstrap over the tuples
  /// 1 - exposed_ms / (median of serial - compute): the hidden share of what the schedule could
  /// hide between its own kernels. Unknown if E is unknown, or if there is nothing to hide.
  std::optional<double> schedule_efficiency;
  std::optional<double> efficiency_max;  ///< 1 - max(0, comm - compute_serial) / serial_exposed_ms
  std::optional<double> osu_percent;     ///< 100 max(0, 1 - exposed_ms / comm)
  bool is_meaningful = false;            ///< comm is at least 1 % of the step
  bool is_resolved = false;  ///< the interval is narrower than 0.15, with at least 6 tuples
  /// The whole interval lies above the possible maximum with kernels as fast as the schedule's.
  /// This is a bug.
  bool exceeds_max = false;
};

/// Least number of tuples for a resolved efficiency. With fewer tuples, the interval misses the
/// true value too often.
inline constexpr std::size_t least_tuples = 6;

/// Requires at least one tuple.
OverlapFigures overlap_of(const OverlapSamples& samples);

}  // namespace tidemark::bench
