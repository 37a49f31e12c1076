// One step of a stack: forward, turn, backward, timed and entered in the ledger.
#pragma once

#include "base/device.hpp"
#include "bench/step/slow_rank.hpp"
#include "bench/step/step_digest.hpp"
#include "memory/ledger.hpp"
#include "model/stack.hpp"

namespace tidemark::bench {

/// Wall-clock seconds of this rank; the device is idle at both ends of each.
struct StepTime {
  double forward = 0.0;
  double backward = 0.0;
  [[nodiscard]] double step() const { return forward + backward; }
};

/// Sees tensors of a step, the device idle: those that model::Stack shows.
template <class T>
using Observer = model::Observer<T>;

/// Runs a step between two points at which no activation is live; collective. Making the input and
/// the output's gradient is not part of the time. `brake`, where there is one, is pressed in the
/// part that is timed. `digest`, where there is one, is taken of what the step computed, off the
/// clock.
template <class T>
StepTime run_step(model::Stack<T>& stack, const Observer<T>& observe = {}, Brake* brake = nullptr,
                  StepDigest* digest = nullptr);

}  // namespace tidemark::bench
