// SPDX-License-Identifier: BSD-3-Clause
#include "comm/nccl/pending_calls.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <chrono>

#include "base/cuda_error.hpp"
#include "base/error.hpp"

namespace tidemark::comm {

NcclPendingCalls::NcclPendingCalls(CudaStream compute, int ranks)
    : compute_(compute), account_(ranks) {
  int lowest = 0;
  int highest = 0;
  check_cuda(cudaDeviceGetStreamPriorityRange(&lowest, &highest), "reading stream priorities");
  check_cuda(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, highest),
             "making the communication stream");
  clock_.anchor();
}

NcclPendingCalls::~NcclPendingCalls() {
  // A failure is ignored here. It occurs after the device has failed.
  static_cast<void>(cudaStreamDestroy(stream_));
}

NcclPendingCalls::PendingCall& NcclPendingCalls::at(std::uint64_t ticket) {
  TIDEMARK_REQUIRE(ticket >= first_ticket_ && ticket - first_ticket_ < pending_.size(),
                   "the call is not under way");
  return pending_[ticket - first_ticket_];
}

void NcclPendingCalls::order_after(std::uint64_t ticket) {
  PendingCall& call = at(ticket);
  call.awaited = clock_.mark(compute_);
  clock_.make_wait(compute_, call.completed);
}

bool NcclPendingCalls::is_through(const PendingCall& call) const {
  return clock_.has_passed(call.completed) && clock_.has_passed(call.awaited);
}

void NcclPendingCalls::account_for(Which which) {
  for (PendingCall& call : pending_) {
    if (call.awaited == nullptr || call.is_accounted) continue;
    if (which == Which::complete && !is_through(call)) break;
    account_for(call);
  }
  while (!pending_.empty() && pending_.front().is_accounted) {
    pending_.pop_front();
    ++first_ticket_;
  }
  unfinished_ = std::max(unfinished_, first_ticket_);
  // For later calls. All calls of one step use the same anchor.
  constexpr std::chrono::seconds anchor_lasts{1};
  clock_.refresh_anchor(anchor_lasts);
}

void NcclPendingCalls::account_for(PendingCall& call) {
  clock_.await(call.completed);
  clock_.await(call.awaited);
  const Clock::time_point posted = clock_.time_of(call.posted);
  // Events have a limited resolution. Without the maximum, an empty call could complete before it
  // was posted.
  const Clock::time_point completed = std::max(posted, clock_.time_of(call.completed));
  const Clock::time_point awaited = std::max(posted, clock_.time_of(call.awaited));
  const Entry& entry = call.entry;
  const std::chrono::duration<double> blocked =
      std::max(Clock::duration::zero(), completed - awaited);
  account_.add({entry.operation, entry.purpose, entry.message_bytes, posted, completed},
               blocked.count());
  if (completed > awaited) account_.occupied({entry.operation, false, awaited, completed});
  clock_.release(call.posted);
  clock_.release(call.completed);
  clock_.release(call.awaited);
  call.is_accounted = true;
}

void NcclPendingCalls::drain() const {
  check_cuda(cudaStreamSynchronize(compute_), "waiting for the compute stream");
  check_cuda(cudaStreamSynchronize(stream_), "waiting for the communication stream");
}

NcclPendingCalls::Progress NcclPendingCalls::progress() {
  const std::uint64_t end = first_ticket_ + pending_.size();
  while (unfinished_ < end) {
    const PendingCall& call = pending_[unfinished_ - first_ticket_];
    if (!call.is_accounted && !clock_.has_passed(call.completed)) {
      const bool is_reached = clock_.has_passed(call.posted);
      return {2 * unfinished_ + (is_reached ? 1 : 0), call.entry.operation, is_reached};
    }
    ++unfinished_;
  }
  return {2 * unfinished_, std::nullopt, false};
}

}  // namespace tidemark::comm
