// SPDX-License-Identifier: BSD-3-Clause
// Measures whether messages beside work and between nodes travel better whole or in pieces.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <optional>

#include "comm/communicator.hpp"
#include "comm/mpi/booked_call.hpp"
#include "comm/mpi/control.hpp"
#include "comm/mpi/trials.hpp"

namespace tidemark::comm {

/// Chooses the largest message of own algorithms and exchanges that run concurrently with work, or
/// that go to another node.
///
/// A library sends messages up to its eager limit at once. Larger ones first ask the receiver for
/// permission. Question and answer both wait until the rank there polls, and over TCP so do the
/// parts that follow. Many pieces below the limit avoid that, but cost more calls.
class PieceChooser {
 public:
  /// Just below 64 KiB, the eager limit of Open MPI's TCP.
  static constexpr std::size_t piece_bytes = std::size_t{60} << 10;
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  /// Posts an exchange whose messages have at most so many bytes.
  using Exchange = std::function<Request(const BookedCall&, std::size_t largest_bytes)>;

  /// `control` and `communicator` must outlive the chooser. `cuts`: the choice, if it is made
  /// already.
  PieceChooser(MpiControl& control, Communicator& communicator, bool polls,
               std::optional<bool> cuts, MemorySource memory, Exchange exchange)
      : control_(control),
        communicator_(communicator),
        work_(communicator, polls),
        imposed_(cuts),
        memory_(std::move(memory)),
        exchange_(std::move(exchange)) {}

  /// Collective: every rank is about to make the same call, with messages that may be cut. The
  /// first call whose messages may have two pieces or more measures both ways. Other calls do
  /// nothing.
  void prepare(const BookedCall& call);
  /// Bytes of the largest message.
  [[nodiscard]] std::size_t largest_bytes() const {
    return imposed_.value_or(choice_ && choice_->cuts) ? piece_bytes : unlimited;
  }
  [[nodiscard]] const std::optional<PieceChoice>& choice() const noexcept { return choice_; }

 private:
  class Trial;
  [[nodiscard]] PieceChoice measure(DType dtype, std::size_t bytes) const;

  MpiControl& control_;
  Communicator& communicator_;
  Work work_;
  std::optional<bool> imposed_;
  MemorySource memory_;
  Exchange exchange_;
  std::optional<PieceChoice> choice_;
};

}  // namespace tidemark::comm
