// SPDX-License-Identifier: BSD-3-Clause
// Collectives whose results are checked, for one step of a verification.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "comm/wrappers/decorator.hpp"
#include "comm/wrappers/pending_table.hpp"
#include "comm/wrappers/second_sum.hpp"

namespace tidemark::comm {

/// The findings of the checks, equal on all ranks.
struct CommunicationFindings {
  std::int64_t parts = 0;         ///< received parts of gathers and exchanges
  std::int64_t parts_differ = 0;  ///< received parts that differ from what was sent
  std::string first_part;         ///< description of the first of them
  double worst_sum = 0.0;     ///< largest error of a sum, relative to its bound; infinite for NaN
  std::string worst_call;     ///< the call with that error
  std::int64_t summed = 0;    ///< elements of sums, over all ranks
  std::int64_t compared = 0;  ///< how many of them were formed a second time
  std::int64_t never_waited = 0;  ///< calls for which the step did not wait
  std::string first_never_waited;
};

/// Carries calls out by another communicator, and checks their results:
///
/// * Receive buffers are filled with NaN before a call is posted.
/// * Each part of an all-gather or exchange has a digest. The sender takes it before the call, and
///   the receiver takes it after the call.
/// * Each sum is formed a second time. Every rank is responsible for one block of it. It gathers
///   the other ranks' contributions in pieces, each with a digest, adds them in fp64 and compares
///   element by element. The other blocks of an all-reduce must have the same digest as on the
///   responsible rank. If a block has more than `most_pieces` pieces, `most_pieces` of them are
///   drawn at random.
///
/// SecondSum states the bound of an element.
///
/// Contributions to a sum in place stay copied on the host until the call is waited for. All ranks
/// must wait for sums in the same order. Calls are not counted. Each `wait` fences the other
/// communicator, so the step takes longer than usual.
class CheckingCommunicator final : public Decorator {
 public:
  /// `inner` must outlive this object. `seed` selects the random pieces and must be equal on all
  /// ranks.
  CheckingCommunicator(Communicator& inner, BufferFunctions functions, std::uint64_t seed,
                       std::size_t most_pieces = 128)
      : Decorator(inner), on_(std::move(functions)), sums_(inner, on_, seed, most_pieces) {}

  [[nodiscard]] Request post(const Call& call) override;
  [[nodiscard]] std::vector<Request> post_together(std::span<const Call> exchanges) override;
  void wait(Request& request) override;

  /// Compares the notes of all ranks. Collective. Call it once, after the step.
  [[nodiscard]] CommunicationFindings finish();

 private:
  /// A pending call.
  struct Pending : Call {
    Request request;  ///< of the other communicator
    std::uint64_t number = 0;
    std::vector<std::byte> own;  ///< this rank's contribution to a sum in place
  };
  /// The digest of one part, taken by its sender or its receiver.
  struct Note {
    std::uint64_t number;  ///< of the call
    std::int64_t peer;     ///< receiver or sender; `everyone` for a part that all ranks get
    std::uint64_t digest;
  };
  static constexpr std::int64_t everyone = -1;

  Pending begin(const Call& call);
  Request enter(Pending call, Request request);
  void keep_contribution(Pending& call, const void* buffer, std::size_t bytes);
  void note_received(const Pending& call);
  void check_sum(const Pending& call);
  [[nodiscard]] std::uint64_t digest(const Pending& call, const void* buffer, std::size_t first,
                                     std::size_t count) const;
  [[nodiscard]] std::string name_of_call(std::uint64_t number) const;
  void compare_notes(CommunicationFindings& findings);
  void share(CommunicationFindings& findings);

  BufferFunctions on_;
  SecondSum sums_;
  PendingTable<Pending> pending_;
  std::vector<std::string> names_;  ///< of the calls, by number
  std::vector<Note> sent_, received_;
};

}  // namespace tidemark::comm
