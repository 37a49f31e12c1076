// SPDX-License-Identifier: BSD-3-Clause
// Measures which algorithm is fastest here, once per operation and size class.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <tuple>
#include <vector>

#include "comm/algorithms/memory_block.hpp"
#include "comm/communicator.hpp"
#include "comm/mpi/booked_call.hpp"
#include "comm/mpi/control.hpp"
#include "comm/mpi/trials.hpp"

namespace tidemark::comm {

/// Selects the algorithm of collectives for `comm.algorithm: auto`.
class AlgorithmChooser {
 public:
  /// Posts a call by an algorithm.
  using PostBy = std::function<Request(Algorithm, const BookedCall&)>;
  struct Conditions {
    bool overlapping;    ///< the call runs concurrently with other work
    bool may_be_native;  ///< the library can carry out the call
  };

  /// Buffers of trial calls come from `memory`. `control` and `communicator` must outlive the
  /// chooser.
  AlgorithmChooser(MpiControl& control, Communicator& communicator, bool polls, MemorySource memory,
                   PostBy post)
      : control_(control),
        communicator_(communicator),
        work_(communicator, polls),
        memory_(std::move(memory)),
        post_(std::move(post)) {}

  /// Collective: every rank is about to make the same call. The first call of an operation, a type
  /// and a size class measures all algorithms; the slowest rank of each counts. If calls run
  /// concurrently with other work, they are measured beside work.
  [[nodiscard]] Algorithm algorithm_for(const BookedCall& call, const Conditions& conditions);
  /// The choices so far, in the order of selection.
  [[nodiscard]] const std::vector<AlgorithmChoice>& choices() const noexcept { return choices_; }

 private:
  using SecondsBy = decltype(AlgorithmChoice::seconds);

  [[nodiscard]] AlgorithmChoice measure(const BookedCall& call, const Conditions& conditions);
  [[nodiscard]] SecondsBy least_seconds(const BookedCall& trial, const Conditions& conditions,
                                        int repeats, double work);

  MpiControl& control_;
  Communicator& communicator_;
  Work work_;
  MemorySource memory_;
  PostBy post_;
  std::vector<AlgorithmChoice> choices_;
  /// Key: operation, type, size class, and whether calls run concurrently with other work.
  std::map<std::tuple<Operation, DType, int, bool>, Algorithm> chosen_;
};

}  // namespace tidemark::comm
