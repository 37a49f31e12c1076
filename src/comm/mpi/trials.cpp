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

double seconds_alone(Communicator& communicator, const Post& post) {
  const Clock::time_point begin = Clock::now();
  Request request = post();
  communicator.wait(request);
  return seconds_since(begin);
}

void work_and_poll(Communicator& communicator, double seconds) {
  const Seconds tile = std::min(longest_tile, Seconds(seconds / fewest_tiles));
  const Clock::time_point begin = Clock::now();
  while (seconds_since(begin) < seconds) {
    const Clock::time_point start = Clock::now();
    while (Clock::now() - start < tile) {
    }
    communicator.poll();
  }
}

double seconds_beside_work(Communicator& communicator, const Post& post, double work) {
  const Clock::time_point begin = Clock::now();
  Request request = post();
  work_and_poll(communicator, work);
  communicator.wait(request);
  return seconds_since(begin);
}

}  // namespace tidemark::comm
