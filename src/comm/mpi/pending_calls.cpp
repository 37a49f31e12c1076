// SPDX-License-Identifier: BSD-3-Clause
#include "comm/mpi/pending_calls.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "comm/mpi/datatype.hpp"

namespace tidemark::comm {

namespace {

// Each pending call has a tag of its own. MPI guarantees tags up to at least 32767.
constexpr std::uint64_t tags = 32768;

}  // namespace

MpiPendingCalls::PendingCall& MpiPendingCalls::add(const BookedCall& call,
                                                   Clock::time_point posted) {
  PendingCall pending{};
  pending.ticket = next_ticket_++;
  pending.call = call;
  pending.posted = posted;
  pending_.push_back(std::move(pending));
  return pending_.back();
}

std::uint64_t MpiPendingCalls::start(const BookedCall& call, Script script,
                                     Clock::time_point posted) {
  MemoryBlock scratch = scratch_.take(script.scratch * size_of(call.dtype));
  PendingCall& pending = add(call, posted);
  pending.script = std::move(script);
  pending.scratch = std::move(scratch);
  if (!pending.script.rounds.empty()) {
    const int code = enter_round(pending);
    if (error_ == MPI_SUCCESS) error_ = code;
  }
  pending.posting_seconds = std::chrono::duration<double>(Clock::now() - posted).count();
  return pending.ticket;
}

std::uint64_t MpiPendingCalls::start(const BookedCall& call, MPI_Request request,
                                     Clock::time_point posted) {
  PendingCall& pending = add(call, posted);
  pending.script.rounds.resize(1);
  pending.requests.push_back(request);
  pending.posting_seconds = std::chrono::duration<double>(Clock::now() - posted).count();
  return pending.ticket;
}

void* MpiPendingCalls::address_of(PendingCall& pending, const Piece& piece) const {
  const std::size_t offset = piece.first * size_of(pending.call.dtype);
  switch (piece.place) {
    case Place::send:
      // This memory is only read: MPI and the sums take it as const.
      return const_cast<std::byte*>(static_cast<const std::byte*>(pending.call.send)) + offset;
    case Place::recv:
      return static_cast<std::byte*>(pending.call.recv) + offset;
    case Place::scratch:
      return pending.scratch.data() + offset;
  }
  return nullptr;
}

int MpiPendingCalls::enter_round(PendingCall& pending) {
  const Round& round = pending.script.rounds[pending.round];
  const int tag = static_cast<int>(pending.ticket % tags);
  const MPI_Datatype type = datatype_of(pending.call.dtype);
  pending.requests.clear();
  pending.peers.clear();
  const auto post_piece = [&](const Piece& piece, int peer, bool receives) {
    void* const data = address_of(pending, piece);
    const int count = static_cast<int>(piece.count);
    pending.requests.push_back(MPI_REQUEST_NULL);
    pending.peers.push_back({peer, receives});
    MPI_Request* const request = &pending.requests.back();
    return receives ? MPI_Irecv(data, count, type, peer, tag, comm_, request)
                    : MPI_Isend(data, count, type, peer, tag, comm_, request);
  };
  const auto post = [&](const Message& message, bool receives) {
    const bool is_cut = message.piece.count / 2 >= message.largest;
    const std::size_t largest = is_cut ? std::min(largest_count_, message.largest) : largest_count_;
    return for_each_cut(message.piece, largest, [&](const Piece& piece) {
      return post_piece(piece, message.peer, receives);
    });
  };
  static_assert(MPI_SUCCESS == 0);
  for (const bool receives : {true, false}) {
    for (const Message& message : receives ? round.receives : round.sends) {
      const int code = post(message, receives);
      if (code != MPI_SUCCESS) return code;
    }
  }
  std::vector<const void*> terms;
  for (const Sum& sum : round.sums) {
    terms.clear();
    for (const Piece& term : sum.terms) terms.push_back(address_of(pending, term));
    sum_(pending.call.dtype, address_of(pending, sum.out), terms, sum.out.count);
  }
  return MPI_SUCCESS;
}

int MpiPendingCalls::move_on(PendingCall& pending, bool& is_complete) {
  while (true) {
    if (!pending.requests.empty()) {
      int all_done = 0;
      const int code = MPI_Testall(static_cast<int>(pending.requests.size()),
                                   pending.requests.data(), &all_done, MPI_STATUSES_IGNORE);
      if (code != MPI_SUCCESS) return code;
      if (all_done == 0) return MPI_SUCCESS;
      pending.requests.clear();
    }
    if (++pending.round >= pending.script.rounds.size()) {
      is_complete = true;
      return MPI_SUCCESS;
    }
    const int code = enter_round(pending);
    if (code != MPI_SUCCESS) return code;
  }
}

int MpiPendingCalls::advance(std::vector<Completed>& completed) {
  // After an error no call advances any more, because another rank or caller may have freed its
  // buffers.
  if (error_ != MPI_SUCCESS) return error_;
  for (auto pending = pending_.begin(); pending != pending_.end();) {
    bool is_complete = false;
    error_ = move_on(*pending, is_complete);
    if (error_ != MPI_SUCCESS) return error_;
    if (!is_complete) {
      ++pending;
      continue;
    }
    const BookedCall& call = pending->call;
    completed.push_back({pending->ticket,
                         {call.operation, call.purpose, call.message_bytes, pending->posted,
                          Clock::now(), call.sent},
                         call.counted,
                         pending->posting_seconds});
    done_.emplace(pending->ticket, Done{call, std::move(pending->scratch)});
    pending = pending_.erase(pending);
  }
  return MPI_SUCCESS;
}

void MpiPendingCalls::retire(std::uint64_t ticket) {
  const auto found = done_.find(ticket);
  if (found == done_.end()) return;
  scratch_.give_back(std::move(found->second.scratch));
  done_.erase(found);
}

std::optional<BookedCall> MpiPendingCalls::completed_call(std::uint64_t ticket) const {
  const auto found = done_.find(ticket);
  return found == done_.end() ? std::nullopt : std::optional(found->second.call);
}

const MpiPendingCalls::PendingCall* MpiPendingCalls::find(std::uint64_t ticket) const noexcept {
  const auto found = std::find_if(pending_.begin(), pending_.end(),
                                  [&](const PendingCall& f) { return f.ticket == ticket; });
  return found == pending_.end() ? nullptr : &*found;
}

bool MpiPendingCalls::is_under_way(std::uint64_t ticket) const noexcept {
  return find(ticket) != nullptr;
}

const BookedCall& MpiPendingCalls::call_of(std::uint64_t ticket) const {
  const PendingCall* const pending = find(ticket);
  TIDEMARK_REQUIRE(pending != nullptr, "the call is not under way");
  return pending->call;
}

Awaited MpiPendingCalls::awaited_ranks(std::uint64_t ticket) const {
  Awaited awaited;
  const PendingCall* const call = find(ticket);
  if (call == nullptr) return awaited;
  for (std::size_t i = 0; i < call->peers.size(); ++i) {
    int done = 0;
    MPI_Request_get_status(call->requests[i], &done, MPI_STATUS_IGNORE);
    const auto [rank, sends] = call->peers[i];
    if (done == 0) (sends ? awaited.senders : awaited.receivers).push_back(rank);
  }
  for (std::vector<int>* const ranks : {&awaited.senders, &awaited.receivers}) {
    std::sort(ranks->begin(), ranks->end());
    ranks->erase(std::unique(ranks->begin(), ranks->end()), ranks->end());
  }
  return awaited;
}

}  // namespace tidemark::comm
