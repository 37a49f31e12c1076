// SPDX-License-Identifier: BSD-3-Clause
// Runs the tuples with which the overlap of a case is measured.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "bench/result.hpp"
#include "bench/step/overlap.hpp"
#include "bench/step/step_variants.hpp"
#include "bench/step/timeline.hpp"
#include "comm/communicator.hpp"

namespace tidemark::bench {

/// The order of the variants in tuple `number`, from 0. Every second tuple is reversed, so that no
/// variant is always the first.
std::array<Variant, all_variants.size()> order_of_tuple(std::size_t number);

/// Runs tuples of the step variants and keeps the slowest rank's times. All functions are
/// collective. The arguments of the constructor must outlive this object.
template <class T>
class OverlapMeasurement {
 public:
  using Announce = std::function<void(const std::string&)>;

  OverlapMeasurement(StepVariants<T>& variants, comm::Communicator& communicator)
      : variants_(variants), communicator_(communicator) {}

  /// Chooses the fastest mode. Each mode is measured several times in turn. The result is `none`
  /// unless another mode is surely faster. First, one untimed step of each mode sets up what the
  /// mode needs, and measures the algorithms of its collectives.
  parallel::OverlapMode choose_mode(const Announce& announce);

  /// Runs two tuples without counting them, one in each order. So each variant meets the
  /// fragmentation of the pool that the previous one leaves. It calls `after_step` after the step
  /// of each tuple.
  void take_untimed(const std::function<void()>& after_step);

  /// Runs one tuple. `step` must run the variant `step` and everything that follows it at once, and
  /// return the milliseconds of the slowest rank.
  void take_tuple(const std::function<double()>& step);

  /// Whether more tuples would add nothing. Equal on all ranks, because their samples are equal.
  [[nodiscard]] bool is_resolved() const;

  /// `polling_ms`: mean per step of this rank.
  [[nodiscard]] OverlapResult result(double polling_ms);

 private:
  /// Milliseconds of the slowest rank for this step.
  [[nodiscard]] double slowest_ms(const StepTime& own);
  /// Runs one more step for the timeline only, because the events that it records on a device take
  /// time.
  void observe();

  static constexpr std::size_t logged_steps = 5;  ///< most steps for the timeline

  StepVariants<T>& variants_;
  comm::Communicator& communicator_;
  OverlapSamples samples_;
  StepLog log_;
  std::vector<double> occupied_ms_;  ///< per step: time of this rank inside the communicator
  /// Per step: time of this rank's kernels during communication.
  std::vector<double> intersect_ms_;
};

}  // namespace tidemark::bench
