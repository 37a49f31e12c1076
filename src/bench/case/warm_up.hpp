// The steps before the clock starts.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "comm/communicator.hpp"
#include "config/case.hpp"

namespace tidemark::bench {

/// How long the warm-up was, on the slowest rank; the checked step is not part of it.
struct WarmUp {
  std::int64_t steps = 0;
  double seconds = 0.0;
};

/// Takes `bench.warmup` steps, and more until `bench.min_warmup_seconds` have passed on the slowest
/// rank. With `bench.verify` it takes one step less, since the checked step follows it and is one of
/// the steps before the clock starts. It takes one at least: the first step sets up memory,
/// libraries and algorithms. All ranks take the same number, by one clock reading that they agree
/// on. Collective. `announce` is told what comes next: "warm-up 1/2".
WarmUp warm_up(const config::BenchConfig& bench, comm::Communicator& communicator,
               const std::function<void(const std::string&)>& announce,
               const std::function<void()>& step);

}  // namespace tidemark::bench
