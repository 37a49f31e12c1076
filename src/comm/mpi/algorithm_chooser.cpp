// SPDX-License-Identifier: BSD-3-Clause
#include "comm/mpi/algorithm_chooser.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "comm/algorithms/memory_block.hpp"

namespace tidemark::comm {

namespace {

// The shortest of several calls counts, because a disturbance only makes a call longer.
constexpr int repeats = 6;
constexpr int repeats_beside_work = 4;

}  // namespace

Algorithm AlgorithmChooser::algorithm_for(const BookedCall& call, const Conditions& conditions) {
  const auto size_class =
      static_cast<int>(std::bit_width(static_cast<std::uint64_t>(call.message_bytes)));
  const auto [entry, is_new] = chosen_.try_emplace(
      {call.operation, call.dtype, size_class, conditions.overlapping}, Algorithm::native);
  if (is_new && communicator_.size() > 1 && call.message_bytes > 0) {
    choices_.push_back(measure(call, conditions));
    entry->second = choices_.back().algorithm;
  }
  return entry->second;
}

/// The least seconds of each algorithm for `trial` beside so many seconds of work, on the slowest
/// rank; 0 for one that is not measured.
AlgorithmChooser::SecondsBy AlgorithmChooser::least_seconds(const BookedCall& trial,
                                                            const Conditions& conditions,
                                                            int repeats, double work) {
  const NodeMap nodes = communicator_.nodes();
  SecondsBy least{};
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (std::size_t i = 0; i < all_algorithms.size(); ++i) {
      if (!is_distinct(all_algorithms[i], nodes)) continue;
      if (all_algorithms[i] == Algorithm::native && !conditions.may_be_native) continue;
      control_.meet("choosing an algorithm");
      const double seconds =
          work_.seconds_beside([&] { return post_(all_algorithms[i], trial); }, work);
      least[i] = repeat == 0 ? seconds : std::min(least[i], seconds);
    }
  }
  control_.max_over_ranks(least);
  return least;
}

/// Measures on buffers of its own, which are as large as those of `call`.
AlgorithmChoice AlgorithmChooser::measure(const BookedCall& call, const Conditions& conditions) {
  const bool reduces_all = call.operation == Operation::all_reduce;
  const bool gathers = call.operation == Operation::all_gather;
  const auto message = static_cast<std::size_t>(call.message_bytes);
  const std::size_t block = message / static_cast<std::size_t>(communicator_.size());
  const MemoryBlock send(memory_, reduces_all ? 0 : gathers ? block : message);
  const MemoryBlock recv(memory_, gathers || reduces_all ? message : block);
  BookedCall trial = call;
  trial.send = reduces_all ? nullptr : send.data();
  trial.recv = recv.data();
  trial.counted = false;

  AlgorithmChoice choice{call.operation, call.dtype, call.message_bytes, Algorithm::native,
                         conditions.overlapping};
  choice.seconds = least_seconds(trial, conditions, repeats, 0.0);
  if (conditions.overlapping) {
    double work = std::numeric_limits<double>::infinity();
    for (const double seconds : choice.seconds) {
      if (seconds > 0.0) work = std::min(work, seconds);
    }
    choice.seconds = least_seconds(trial, conditions, repeats_beside_work, work);
  }
  double fastest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < all_algorithms.size(); ++i) {
    if (choice.seconds[i] == 0.0 || choice.seconds[i] >= fastest) continue;  // 0: not measured
    fastest = choice.seconds[i];
    choice.algorithm = all_algorithms[i];
  }
  return choice;
}

}  // namespace tidemark::comm
