// One step of a stack: forward, turn, backward, timed and entered in the ledger.
#pragma once

#include <functional>
#include <string_view>

#include "base/device.hpp"
#include "memory/ledger.hpp"
#include "model/stack.hpp"

namespace tidemark::bench {

/// Wall-clock seconds of this rank; the device is idle at both ends of each.
struct StepTime {
  double forward = 0.0;
  double backward = 0.0;
  [[nodiscard]] double step() const { return forward + backward; }
};

/// Sees the ends of a step, in this order: "input", "output", "output_grad", "input_grad", each
/// [s b, h] or this rank's [s b / t, h] under SP. The matrix is valid only during the call.
template <class T>
using Observer = std::function<void(std::string_view name, const Matrix<T>& tensor)>;

/// Runs a step between two points at which no activation is live; collective. Making the input and
/// the output's gradient is not part of the time.
template <class T>
StepTime run_step(model::Stack<T>& stack, const Observer<T>& observe = {});

}  // namespace tidemark::bench
