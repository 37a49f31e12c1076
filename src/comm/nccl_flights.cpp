#include "comm/nccl_flights.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <chrono>

#include "base/cuda_error.hpp"
#include "base/error.hpp"

namespace tidemark::comm {

NcclFlights::NcclFlights(CudaStream compute, int ranks) : compute_(compute), account_(ranks) {
  int lowest = 0;
  int highest = 0;
  check_cuda(cudaDeviceGetStreamPriorityRange(&lowest, &highest), "reading stream priorities");
  check_cuda(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, highest),
             "making the communication stream");
  clock_.anchor();
}

NcclFlights::~NcclFlights() {
  // Nothing can be done where it fails, as it does once the device has failed.
  static_cast<void>(cudaStreamDestroy(stream_));
}

NcclFlights::Flight& NcclFlights::at(std::uint64_t ticket) {
  TIDEMARK_REQUIRE(ticket >= first_ticket_ && ticket - first_ticket_ < flights_.size(),
                   "the call is not under way");
  return flights_[ticket - first_ticket_];
}

void NcclFlights::land(std::uint64_t ticket) {
  Flight& flight = at(ticket);
  flight.awaited = clock_.mark(compute_);
  clock_.make_wait(compute_, flight.completed);
}

bool NcclFlights::is_through(const Flight& flight) const {
  return clock_.has_passed(flight.completed) && clock_.has_passed(flight.awaited);
}

void NcclFlights::settle(Which which) {
  for (Flight& flight : flights_) {
    if (flight.awaited == nullptr || flight.is_settled) continue;
    if (which == Which::complete && !is_through(flight)) break;
    settle(flight);
  }
  while (!flights_.empty() && flights_.front().is_settled) {
    flights_.pop_front();
    ++first_ticket_;
  }
  unfinished_ = std::max(unfinished_, first_ticket_);
  // For the calls to come: those of one step are read against one anchor.
  constexpr std::chrono::seconds anchor_lasts{1};
  clock_.refresh_anchor(anchor_lasts);
}

void NcclFlights::settle(Flight& flight) {
  clock_.await(flight.completed);
  clock_.await(flight.awaited);
  const Clock::time_point posted = clock_.time_of(flight.posted);
  // Not before it was posted, which the resolution of events might make of an empty call.
  const Clock::time_point completed = std::max(posted, clock_.time_of(flight.completed));
  const Clock::time_point awaited = std::max(posted, clock_.time_of(flight.awaited));
  const Call& call = flight.call;
  const std::chrono::duration<double> blocked =
      std::max(Clock::duration::zero(), completed - awaited);
  account_.add({call.operation, call.purpose, call.message_bytes, posted, completed},
               blocked.count());
  if (completed > awaited) account_.occupied({call.operation, false, awaited, completed});
  clock_.release(flight.posted);
  clock_.release(flight.completed);
  clock_.release(flight.awaited);
  flight.is_settled = true;
}

void NcclFlights::drain() const {
  check_cuda(cudaStreamSynchronize(compute_), "waiting for the compute stream");
  check_cuda(cudaStreamSynchronize(stream_), "waiting for the communication stream");
}

NcclFlights::Progress NcclFlights::progress() {
  const std::uint64_t end = first_ticket_ + flights_.size();
  while (unfinished_ < end) {
    const Flight& flight = flights_[unfinished_ - first_ticket_];
    if (!flight.is_settled && !clock_.has_passed(flight.completed)) {
      const bool is_reached = clock_.has_passed(flight.posted);
      return {2 * unfinished_ + (is_reached ? 1 : 0), flight.call.operation, is_reached};
    }
    ++unfinished_;
  }
  return {2 * unfinished_, std::nullopt, false};
}

}  // namespace tidemark::comm
