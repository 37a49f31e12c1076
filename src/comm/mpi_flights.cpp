#include "comm/mpi_flights.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace tidemark::comm {

namespace {

// Calls that are under way together have tags of their own; MPI grants at least 32767.
constexpr std::uint64_t tags = 32768;

}  // namespace

MpiFlights::Flight& MpiFlights::add(const FlightPlan& plan, Clock::time_point posted) {
  Flight flight{};
  flight.ticket = next_ticket_++;
  flight.plan = plan;
  flight.posted = posted;
  flights_.push_back(std::move(flight));
  return flights_.back();
}

std::uint64_t MpiFlights::start(const FlightPlan& plan, Script script, Clock::time_point posted) {
  MemoryBlock scratch = scratch_.take(script.scratch * size_of(plan.dtype));
  Flight& flight = add(plan, posted);
  flight.script = std::move(script);
  flight.scratch = std::move(scratch);
  if (!flight.script.rounds.empty()) {
    const int code = enter_round(flight);
    if (error_ == MPI_SUCCESS) error_ = code;
  }
  flight.posting_seconds = std::chrono::duration<double>(Clock::now() - posted).count();
  return flight.ticket;
}

std::uint64_t MpiFlights::start(const FlightPlan& plan, MPI_Request request,
                                Clock::time_point posted) {
  Flight& flight = add(plan, posted);
  flight.script.rounds.resize(1);
  flight.requests.push_back(request);
  flight.posting_seconds = std::chrono::duration<double>(Clock::now() - posted).count();
  return flight.ticket;
}

void* MpiFlights::address_of(Flight& flight, const Piece& piece) const {
  const std::size_t offset = piece.first * size_of(flight.plan.dtype);
  switch (piece.place) {
    case Place::send:
      // Only ever read: MPI and the sums take it as const.
      return const_cast<std::byte*>(static_cast<const std::byte*>(flight.plan.send)) + offset;
    case Place::recv:
      return static_cast<std::byte*>(flight.plan.recv) + offset;
    case Place::scratch:
      return flight.scratch.data() + offset;
  }
  return nullptr;
}

int MpiFlights::enter_round(Flight& flight) {
  const Round& round = flight.script.rounds[flight.round];
  const int tag = static_cast<int>(flight.ticket % tags);
  const MPI_Datatype type = flight.plan.datatype;
  flight.requests.clear();
  flight.peers.clear();
  const auto post_piece = [&](const Piece& piece, int peer, bool receives) {
    void* const data = address_of(flight, piece);
    const int count = static_cast<int>(piece.count);
    flight.requests.push_back(MPI_REQUEST_NULL);
    flight.peers.push_back({peer, receives});
    MPI_Request* const request = &flight.requests.back();
    return receives ? MPI_Irecv(data, count, type, peer, tag, comm_, request)
                    : MPI_Isend(data, count, type, peer, tag, comm_, request);
  };
  const auto post = [&](const Message& message, bool receives) {
    return for_each_cut(message.piece, largest_count_, [&](const Piece& piece) {
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
    for (const Piece& term : sum.terms) terms.push_back(address_of(flight, term));
    sum_(flight.plan.dtype, address_of(flight, sum.out), terms, sum.out.count);
  }
  return MPI_SUCCESS;
}

int MpiFlights::move_on(Flight& flight, bool& is_complete) {
  while (true) {
    if (!flight.requests.empty()) {
      int all_done = 0;
      const int code = MPI_Testall(static_cast<int>(flight.requests.size()), flight.requests.data(),
                                   &all_done, MPI_STATUSES_IGNORE);
      if (code != MPI_SUCCESS) return code;
      if (all_done == 0) return MPI_SUCCESS;
      flight.requests.clear();
    }
    if (++flight.round >= flight.script.rounds.size()) {
      is_complete = true;
      return MPI_SUCCESS;
    }
    const int code = enter_round(flight);
    if (code != MPI_SUCCESS) return code;
  }
}

int MpiFlights::advance(std::vector<Landed>& landed) {
  // After an error nothing is touched any more: buffers may be gone with whoever gave up.
  if (error_ != MPI_SUCCESS) return error_;
  for (auto flight = flights_.begin(); flight != flights_.end();) {
    bool is_complete = false;
    error_ = move_on(*flight, is_complete);
    if (error_ != MPI_SUCCESS) return error_;
    if (!is_complete) {
      ++flight;
      continue;
    }
    landed.push_back({flight->ticket,
                      {flight->plan.operation, flight->plan.purpose, flight->plan.message_bytes,
                       flight->posted, Clock::now()},
                      flight->plan.counted,
                      flight->posting_seconds});
    done_.emplace(flight->ticket, Done{flight->plan, std::move(flight->scratch)});
    flight = flights_.erase(flight);
  }
  return MPI_SUCCESS;
}

void MpiFlights::retire(std::uint64_t ticket) {
  const auto found = done_.find(ticket);
  if (found == done_.end()) return;
  scratch_.give_back(std::move(found->second.scratch));
  done_.erase(found);
}

std::optional<FlightPlan> MpiFlights::landed_plan(std::uint64_t ticket) const {
  const auto found = done_.find(ticket);
  return found == done_.end() ? std::nullopt : std::optional(found->second.plan);
}

const MpiFlights::Flight* MpiFlights::find(std::uint64_t ticket) const noexcept {
  const auto found = std::find_if(flights_.begin(), flights_.end(),
                                  [&](const Flight& f) { return f.ticket == ticket; });
  return found == flights_.end() ? nullptr : &*found;
}

bool MpiFlights::is_under_way(std::uint64_t ticket) const noexcept {
  return find(ticket) != nullptr;
}

const FlightPlan& MpiFlights::plan_of(std::uint64_t ticket) const {
  const Flight* const flight = find(ticket);
  TIDEMARK_REQUIRE(flight != nullptr, "the call is not under way");
  return flight->plan;
}

Awaited MpiFlights::awaited_ranks(std::uint64_t ticket) const {
  Awaited awaited;
  const Flight* const flight = find(ticket);
  if (flight == nullptr) return awaited;
  for (std::size_t i = 0; i < flight->peers.size(); ++i) {
    int done = 0;
    MPI_Request_get_status(flight->requests[i], &done, MPI_STATUS_IGNORE);
    const auto [rank, sends] = flight->peers[i];
    if (done == 0) (sends ? awaited.senders : awaited.receivers).push_back(rank);
  }
  for (std::vector<int>* const ranks : {&awaited.senders, &awaited.receivers}) {
    std::sort(ranks->begin(), ranks->end());
    ranks->erase(std::unique(ranks->begin(), ranks->end()), ranks->end());
  }
  return awaited;
}

}  // namespace tidemark::comm
