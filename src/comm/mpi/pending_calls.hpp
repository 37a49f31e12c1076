// SPDX-License-Identifier: BSD-3-Clause
// Pending calls of MPI: scripts of messages and sums, and the library's own non-blocking
// collectives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "comm/account.hpp"
#include "comm/algorithms/memory_block.hpp"
#include "comm/algorithms/rounds.hpp"
#include "comm/algorithms/scratch_pool.hpp"
#include "comm/algorithms/sums.hpp"
#include "comm/mpi/booked_call.hpp"
#include "job/mpi_header.hpp"

namespace tidemark::comm {

/// A complete call.
struct Completed {
  std::uint64_t ticket = 0;
  CallRecord record;
  bool counted = true;
  double posting_seconds = 0.0;  ///< seconds that the caller spent while posting it
};

/// Ranks that have not sent all their messages, and ranks that have not received all messages sent
/// to them. Each list is sorted and has no duplicates.
struct Awaited {
  std::vector<int> senders;
  std::vector<int> receivers;
};

/// The pending calls of one communicator. Not thread-safe. Functions return MPI's error codes, and
/// the caller turns them into errors.
class MpiPendingCalls {
 public:
  /// Messages are cut into pieces of at most `largest_count` elements, which must fit into an int.
  MpiPendingCalls(MPI_Comm comm, SumFunction sum, MemorySource memory, std::size_t largest_count)
      : comm_(comm), sum_(sum), scratch_(std::move(memory)), largest_count_(largest_count) {}
  MpiPendingCalls(const MpiPendingCalls&) = delete;
  MpiPendingCalls& operator=(const MpiPendingCalls&) = delete;

  /// Posts the first round of `script`. Returns the ticket; tickets start at 1.
  std::uint64_t start(const BookedCall& call, Script script, Clock::time_point posted);
  /// Takes over a request of one of the library's own collectives. Returns the ticket.
  std::uint64_t start(const BookedCall& call, MPI_Request request, Clock::time_point posted);

  [[nodiscard]] bool empty() const noexcept { return pending_.empty(); }
  [[nodiscard]] bool is_under_way(std::uint64_t ticket) const noexcept;
  /// The ranks for which call `ticket` still waits; empty if they are not known.
  [[nodiscard]] Awaited awaited_ranks(std::uint64_t ticket) const;
  /// The properties of a call, which must be pending.
  [[nodiscard]] const BookedCall& call_of(std::uint64_t ticket) const;

  /// Advances every call as far as possible without blocking, and appends calls that become
  /// complete to `completed`. Returns MPI_SUCCESS or the first error.
  int advance(std::vector<Completed>& completed);

  /// Releases the scratch memory of call `ticket`, because the caller now knows that it is
  /// complete. The call may have been complete long before. Releasing at this point makes the
  /// amount of memory depend on the order of the caller's calls only, not on the speed of the
  /// network.
  void retire(std::uint64_t ticket);
  /// The properties of a call that is complete and not retired; nullopt for other calls.
  [[nodiscard]] std::optional<BookedCall> completed_call(std::uint64_t ticket) const;
  /// Stops the progress of all calls.
  void abandon() noexcept { is_abandoned_ = true; }
  [[nodiscard]] bool is_abandoned() const noexcept { return is_abandoned_; }

  [[nodiscard]] std::int64_t scratch_bytes() const { return scratch_.held_bytes(); }
  void release_scratch() { scratch_.forget(); }

 private:
  /// A complete call that is not retired yet.
  struct Done {
    BookedCall call;
    MemoryBlock scratch;
  };
  struct Peer {
    int rank;
    bool sends;  ///< it sends to this rank
  };
  struct PendingCall {
    std::uint64_t ticket;
    BookedCall call;
    Script script;
    std::size_t round = 0;  ///< the round whose messages are posted
    MemoryBlock scratch;
    std::vector<MPI_Request> requests;
    std::vector<Peer> peers;  ///< of the requests; empty for a library collective
    Clock::time_point posted;
    double posting_seconds = 0.0;
  };

  PendingCall& add(const BookedCall& call, Clock::time_point posted);
  int enter_round(PendingCall& call);
  int move_on(PendingCall& call, bool& is_complete);
  void* address_of(PendingCall& call, const Piece& piece) const;
  [[nodiscard]] const PendingCall* find(std::uint64_t ticket) const noexcept;

  MPI_Comm comm_;
  SumFunction sum_;
  ScratchPool scratch_;
  std::size_t largest_count_;
  std::uint64_t next_ticket_ = 1;
  std::deque<PendingCall> pending_;
  std::map<std::uint64_t, Done> done_;  ///< key: ticket
  bool is_abandoned_ = false;
  int error_ = MPI_SUCCESS;  ///< the first error; it is kept
};

}  // namespace tidemark::comm
