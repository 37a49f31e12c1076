// SPDX-License-Identifier: BSD-3-Clause
#include "comm/mpi/trials.hpp"

#include <algorithm>

namespace tidemark::comm {

namespace {

using Seconds = std::chrono::duration<double>;

// A tile of a product takes some milliseconds. A short call must see several, too.
constexpr Seconds longest_tile{5e-3};
constexpr int fewest_tiles = 4;

double seconds_since(Clock::time_point begin) { return Seconds(Clock::now() - begin).count(); }

}  // namespace

void Work::run(double seconds) const {
  const Seconds tile = std::min(longest_tile, Seconds(seconds / fewest_tiles));
  const Clock::time_point begin = Clock::now();
  while (seconds_since(begin) < seconds) {
    const Clock::time_point start = Clock::now();
    while (Clock::now() - start < tile) {
    }
    if (polls_) communicator_.poll();
  }
}

double Work::seconds_beside(const Post& post, double seconds) const {
  const Clock::time_point begin = Clock::now();
  Request request = post();
  run(seconds);
  communicator_.wait(request);
  return seconds_since(begin);
}

}  // namespace tidemark::comm
