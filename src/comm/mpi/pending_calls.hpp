// MPI calls under way: scripts of messages and sums, and the library's own non-blocking
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
#include "comm/mpi/mpi_communicator.hpp"

namespace tidemark::comm {

/// What a call is in the books, and the memory that it works on.
struct CallPlan {
  Operation operation;
  Purpose purpose;
  std::int64_t message_bytes = 0;
  DType dtype = DType::fp32;
  MPI_Datatype datatype = MPI_FLOAT;
  const void* send = nullptr;
  void* recv = nullptr;
  bool counted = true;  ///< false for the harness's own
};

/// A call that is complete.
struct Completed {
  std::uint64_t ticket = 0;
  CallRecord call;
  bool counted = true;
  double posting_seconds = 0.0;  ///< that the caller spent in posting it
};

/// Ranks that have not sent what is theirs to send, and those that have not taken what was sent to
/// them; each in order, once.
struct Awaited {
  std::vector<int> senders;
  std::vector<int> receivers;
};

/// The calls of one communicator that are not complete. Not thread-safe. MPI's error codes come
/// back to the caller, who knows what to say.
class MpiPendingCalls {
 public:
  /// Messages are cut into pieces of at most `largest_count` elements, which fits into an int.
  MpiPendingCalls(MPI_Comm comm, SumFunction sum, MemorySource memory, std::size_t largest_count)
      : comm_(comm), sum_(sum), scratch_(std::move(memory)), largest_count_(largest_count) {}
  MpiPendingCalls(const MpiPendingCalls&) = delete;
  MpiPendingCalls& operator=(const MpiPendingCalls&) = delete;

  /// Posts the first round of `script`. Returns the ticket, from 1.
  std::uint64_t start(const CallPlan& plan, Script script, Clock::time_point posted);
  /// Takes over a request of the library's own.
  std::uint64_t start(const CallPlan& plan, MPI_Request request, Clock::time_point posted);

  [[nodiscard]] bool empty() const noexcept { return pending_.empty(); }
  [[nodiscard]] bool is_under_way(std::uint64_t ticket) const noexcept;
  /// Whom call `ticket` still waits for; empty where it is not known.
  [[nodiscard]] Awaited awaited_ranks(std::uint64_t ticket) const;
  /// What a call is; it must be under way.
  [[nodiscard]] const CallPlan& plan_of(std::uint64_t ticket) const;

  /// Moves every call on as far as it goes without blocking, and appends those that end to
  /// `completed`. Returns MPI_SUCCESS or the first error.
  int advance(std::vector<Completed>& completed);

  /// The caller has learnt that call `ticket` is complete: its scratch memory may serve another.
  /// Not earlier, though the call may have ended long before: so what is held follows from the
  /// order of the caller's calls, and not from the network's pace.
  void retire(std::uint64_t ticket);
  /// What a call was that is complete and not retired; nullopt for others.
  [[nodiscard]] std::optional<CallPlan> completed_plan(std::uint64_t ticket) const;
  /// Nothing is moved on any more.
  void abandon() noexcept { is_abandoned_ = true; }
  [[nodiscard]] bool is_abandoned() const noexcept { return is_abandoned_; }

  [[nodiscard]] std::int64_t scratch_bytes() const { return scratch_.held_bytes(); }
  void release_scratch() { scratch_.forget(); }

 private:
  /// A call that is complete, until it is retired.
  struct Done {
    CallPlan plan;
    MemoryBlock scratch;
  };
  struct Peer {
    int rank;
    bool sends;  ///< to this rank
  };
  struct PendingCall {
    std::uint64_t ticket;
    CallPlan plan;
    Script script;
    std::size_t round = 0;  ///< the one whose messages are out
    MemoryBlock scratch;
    std::vector<MPI_Request> requests;
    std::vector<Peer> peers;  ///< of the requests; none for one of the library's own
    Clock::time_point posted;
    double posting_seconds = 0.0;
  };

  PendingCall& add(const CallPlan& plan, Clock::time_point posted);
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
  std::map<std::uint64_t, Done> done_;  ///< by ticket
  bool is_abandoned_ = false;
  int error_ = MPI_SUCCESS;  ///< the first; it stays
};

}  // namespace tidemark::comm
