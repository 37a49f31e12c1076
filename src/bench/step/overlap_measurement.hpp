// The tuples of runs that a case's overlap is measured by.
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

/// The order of the runs of a tuple, by its number from 0: every other one is reversed, so that no
/// run is always the first.
std::array<Variant, all_variants.size()> order_of_tuple(std::size_t number);

/// Runs a step in tuples of its variants, and keeps the slowest rank's times. Collective, all of
/// it; refers to what it is made of.
template <class T>
class OverlapMeasurement {
 public:
  using Announce = std::function<void(const std::string&)>;

  OverlapMeasurement(StepVariants<T>& variants, comm::Communicator& communicator)
      : variants_(variants), communicator_(communicator) {}

  /// Takes the fastest of all modes, each measured several times in turn; none where no other
  /// surely is. One step of each mode precedes them untimed: it sets up what the mode needs, and
  /// measures the algorithms of its collectives.
  parallel::OverlapMode choose_mode(const Announce& announce);

  /// Two tuples that count for nothing, one in either order: a variant may leave the pool cut up in
  /// a way that the next one has not met. `after_step` is called behind the step of each.
  void take_untimed(const std::function<void()>& after_step);

  /// One tuple. `step` runs the variant `step`, with all that is to follow it at once, and returns
  /// the milliseconds of the slowest rank.
  void take_tuple(const std::function<double()>& step);

  /// Nothing is to be gained from more tuples. The same on all ranks, whose samples are the same.
  [[nodiscard]] bool is_resolved() const;

  /// `polling_ms`: this rank's mean a step.
  [[nodiscard]] OverlapResult result(double polling_ms);

 private:
  /// The step of the slowest rank.
  [[nodiscard]] double slowest_ms(const StepTime& own);
  /// One more step, for the timeline alone: on a device the events that it takes have their price.
  void observe();

  static constexpr std::size_t logged_steps = 5;  ///< at most, for the timeline

  StepVariants<T>& variants_;
  comm::Communicator& communicator_;
  OverlapSamples samples_;
  StepLog log_;
  std::vector<double> occupied_ms_;   ///< this rank inside the communicator, step by step
  std::vector<double> intersect_ms_;  ///< this rank's kernels beside communication, likewise
};

}  // namespace tidemark::bench
