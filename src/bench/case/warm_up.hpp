// SPDX-License-Identifier: BSD-3-Clause
// The steps before the clock starts.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "comm/communicator.hpp"
#include "config/case.hpp"

namespace tidemark::bench {

/// Length of the warm-up on the slowest rank. The checked step is not included.
struct WarmUp {
  std::int64_t steps = 0;
  double seconds = 0.0;
};

/// Takes `bench.warmup` steps, and more until `bench.min_warmup_seconds` have passed on the slowest
/// rank. With `bench.verify` it takes one step less, because the checked step follows and also
/// warms up. It takes at least one step, which sets up memory, libraries and algorithms. All ranks
/// take the same number of steps, because they use the same clock reading. Collective. It passes a
/// text such as "warm-up 1/2" to `announce` before each step.
WarmUp warm_up(const config::BenchConfig& bench, comm::Communicator& communicator,
               const std::function<void(const std::string&)>& announce,
               const std::function<void()>& step);

}  // namespace tidemark::bench
