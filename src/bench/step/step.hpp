// SPDX-License-Identifier: BSD-3-Clause
// One step of a stack: forward, turn and backward, with times and ledger entries.
#pragma once

#include "base/device.hpp"
#include "bench/step/slow_rank.hpp"
#include "bench/step/step_digest.hpp"
#include "memory/ledger.hpp"
#include "model/stack.hpp"

namespace tidemark::bench {

/// Wall-clock seconds of this rank. The device is idle at the begin and end of each.
struct StepTime {
  double forward = 0.0;
  double backward = 0.0;
  [[nodiscard]] double step() const { return forward + backward; }
};

/// Gets the tensors of a step that model::Stack shows, while the device is idle.
template <class T>
using Observer = model::Observer<T>;

/// Runs a step. No activation is live before and after it. Collective. Making the input and the
/// output's gradient is not part of the time. `brake` is optional, and it sleeps in the timed part.
/// `digest` is optional, and it gets the results of the step outside the timed part.
template <class T>
StepTime run_step(model::Stack<T>& stack, const Observer<T>& observe = {}, Brake* brake = nullptr,
                  StepDigest* digest = nullptr);

}  // namespace tidemark::bench
