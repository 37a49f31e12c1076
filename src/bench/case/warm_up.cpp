// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/warm_up.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/stopwatch.hpp"

namespace tidemark::bench {

WarmUp warm_up(const config::BenchConfig& bench, comm::Communicator& communicator,
               const std::function<void(const std::string&)>& announce,
               const std::function<void()>& step) {
  const std::int64_t checked = bench.verify ? 1 : 0;
  const std::int64_t least = std::max<std::int64_t>(1, bench.warmup - checked);
  const Stopwatch watch;
  WarmUp done;
  while (done.steps < least || done.seconds < bench.min_warmup_seconds) {
    announce(done.steps < least ? fmt::format("warm-up {}/{}", done.steps + 1, least)
                                : fmt::format("warm-up {}, {:.0f} s of {:g}", done.steps + 1,
                                              done.seconds, bench.min_warmup_seconds));
    step();
    ++done.steps;
    std::array<double, 1> seconds{watch.seconds()};
    communicator.max_over_ranks(seconds);
    done.seconds = seconds[0];
  }
  return done;
}

}  // namespace tidemark::bench
