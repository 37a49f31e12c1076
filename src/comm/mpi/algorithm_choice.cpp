// SPDX-License-Identifier: BSD-3-Clause
// Measures which algorithm is fastest here, once per operation and size class.
#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "comm/mpi/mpi_communicator.hpp"

namespace tidemark::comm {

namespace {

// The shortest of several calls counts, because a disturbance only makes a call longer.
constexpr int repeats = 6;

}  // namespace

Algorithm MpiCommunicator::algorithm_for(const BookedCall& call) {
  const auto size_class = static_cast<int>(std::bit_width(call.message_bytes));
  const auto [entry, is_new] = chosen_.try_emplace(
      {call.operation, call.dtype, size_class, overlapping_}, Algorithm::native);
  if (is_new && handle_.size > 1 && call.message_bytes > 0) {
    choices_.push_back(measure(call));
    entry->second = choices_.back().algorithm;
  }
  return entry->second;
}

/// Measures on buffers of its own, which are as large as those of `call`. Collective: every rank is
/// about to make the same call.
AlgorithmChoice MpiCommunicator::measure(const BookedCall& call) {
  const bool reduces_all = call.operation == Operation::all_reduce;
  const std::size_t block = call.message_bytes / static_cast<std::size_t>(handle_.size);
  const bool gathers = call.operation == Operation::all_gather;
  const MemoryBlock send(options_.memory, reduces_all ? 0 : gathers ? block : call.message_bytes);
  const MemoryBlock recv(options_.memory, gathers || reduces_all ? call.message_bytes : block);
  BookedCall trial = call;
  trial.send = reduces_all ? nullptr : send.data();
  trial.recv = recv.data();
  trial.counted = false;

  AlgorithmChoice choice{call.operation, call.dtype, static_cast<std::int64_t>(call.message_bytes),
                         Algorithm::native, overlapping_};
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (std::size_t i = 0; i < all_algorithms.size(); ++i) {
      if (!is_distinct(all_algorithms[i], handle_.size)) continue;
      if (all_algorithms[i] == Algorithm::native && !may_be_native(call)) continue;
      meet("choosing an algorithm");
      const Clock::time_point begin = Clock::now();
      Request request = carry_out_by(all_algorithms[i], trial);
      wait(request);
      const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
      double& least = choice.seconds[i];
      least = repeat == 0 ? seconds : std::min(least, seconds);
    }
  }
  max_over_ranks(choice.seconds);
  double fastest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < all_algorithms.size(); ++i) {
    if (choice.seconds[i] == 0.0 || choice.seconds[i] >= fastest) continue;  // 0: not measured
    fastest = choice.seconds[i];
    choice.algorithm = all_algorithms[i];
  }
  return choice;
}

}  // namespace tidemark::comm
