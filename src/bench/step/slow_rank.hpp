// A rank that is slowed down on purpose: for tests of what finds stragglers.
#pragma once

#include <optional>
#include <string>

#include "comm/communicator.hpp"

namespace tidemark::bench {

/// Which rank sleeps, and for which share of its step.
struct SlowRank {
  int rank = 0;
  double share = 0.0;
};

/// What the environment of rank 0 asks for, on every rank; nullopt where it asks for nothing.
/// TIDEMARK_TEST_SLOW_RANK=RANK:SHARE, such as 1:0.2. Collective. Throws InputError where the
/// variable is not of that form, or names a rank that the job lacks.
std::optional<SlowRank> slow_rank_of_environment(comm::Communicator& communicator);

/// Makes one rank sleep within the timed part of a step.
class Brake {
 public:
  Brake(const std::optional<SlowRank>& slow, int own_rank)
      : share_(slow && slow->rank == own_rank ? slow->share : 0.0) {}

  /// In the timed part: sleeps for the share of the last step that was learnt.
  void press();
  /// Seconds of a step, in which the brake was pressed or not.
  void learn(double step_seconds);

 private:
  double share_;
  double slept_seconds_ = 0.0;  ///< since the last call of `learn`
  double step_seconds_ = 0.0;   ///< without the sleep; 0: not known yet
};

}  // namespace tidemark::bench
