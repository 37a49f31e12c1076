// SPDX-License-Identifier: BSD-3-Clause
// Measures which algorithm is fastest here, once per operation and size class.
#pragma once

#include <functional>
#include <map>
#include <tuple>
#include <vector>

#include "comm/algorithms/memory_block.hpp"
#include "comm/communicator.hpp"
#include "comm/mpi/booked_call.hpp"
#include "comm/mpi/control.hpp"

namespace tidemark::comm {

/// Selects the algorithm of collectives for `comm.algorithm: auto`.
class AlgorithmChooser {
 public:
  /// Carries out a call by an algorithm, and returns when it is complete.
  using CarryOut = std::function<void(Algorithm, const BookedCall&)>;
  struct Conditions {
    bool overlapping;    ///< the call runs concurrently with other work
    bool may_be_native;  ///< the library can carry out the call
  };

  /// Buffers of trial calls come from `memory`. `control` must outlive the chooser.
  AlgorithmChooser(MpiControl& control, int ranks, MemorySource memory, CarryOut carry_out)
      : control_(control),
        ranks_(ranks),
        memory_(std::move(memory)),
        carry_out_(std::move(carry_out)) {}

  /// Collective: every rank is about to make the same call. The first call of an operation, a type
  /// and a size class measures all algorithms; the slowest rank of each counts.
  [[nodiscard]] Algorithm algorithm_for(const BookedCall& call, const Conditions& conditions);
  /// The choices so far, in the order of selection.
  [[nodiscard]] const std::vector<AlgorithmChoice>& choices() const noexcept { return choices_; }

 private:
  [[nodiscard]] AlgorithmChoice measure(const BookedCall& call, const Conditions& conditions);

  MpiControl& control_;
  int ranks_;
  MemorySource memory_;
  CarryOut carry_out_;
  std::vector<AlgorithmChoice> choices_;
  /// Key: operation, type, size class, and whether calls run concurrently with other work.
  std::map<std::tuple<Operation, DType, int, bool>, Algorithm> chosen_;
};

}  // namespace tidemark::comm
