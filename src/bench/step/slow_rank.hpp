// SPDX-License-Identifier: BSD-3-Clause
// Slows a rank down on purpose, to test how stragglers are found.
#pragma once

#include <optional>
#include <string>

#include "comm/communicator.hpp"

namespace tidemark::bench {

/// The rank that sleeps, and for which share of its step.
struct SlowRank {
  int rank = 0;
  double share = 0.0;
};

/// The slow rank that the environment of rank 0 sets, on every rank; nullopt if it sets none. The
/// format is TIDEMARK_TEST_SLOW_RANK=RANK:SHARE, such as 1:0.2. Collective. Throws InputError if
/// the variable has another form, or names a rank that the job lacks.
std::optional<SlowRank> slow_rank_of_environment(comm::Communicator& communicator);

/// Makes one rank sleep within the timed part of a step.
class Brake {
 public:
  Brake(const std::optional<SlowRank>& slow, int own_rank)
      : share_(slow && slow->rank == own_rank ? slow->share : 0.0) {}

  /// Call this in the timed part. Sleeps for the share of the last step that `learn` got.
  void press();
  /// Tells the seconds of a step, with or without the sleep in it.
  void learn(double step_seconds);

 private:
  double share_;
  double slept_seconds_ = 0.0;  ///< since the last call of `learn`
  double step_seconds_ = 0.0;   ///< without the sleep; 0: not known yet
};

}  // namespace tidemark::bench
