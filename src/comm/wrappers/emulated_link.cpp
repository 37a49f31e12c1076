// SPDX-License-Identifier: BSD-3-Clause
#include "comm/wrappers/emulated_link.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/error.hpp"

namespace tidemark::comm {

namespace {

using Seconds = std::chrono::duration<double>;

Clock::duration ticks(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(Seconds(seconds));
}

}  // namespace

Request EmulatedLink::post(const Call& call) {
  const Clock::time_point posted = Clock::now();
  const auto bytes = static_cast<std::int64_t>(call.message_bytes(size()));
  Request request = inner_.post(call);
  double seconds_on_link = 0.0;
  if (link_.bandwidth_gbytes_per_s > 0.0) {
    seconds_on_link = static_cast<double>(wire_bytes(call.operation, size(), bytes)) /
                      (link_.bandwidth_gbytes_per_s * 1e9);
  }
  free_at_ = std::max(free_at_, posted) + ticks(seconds_on_link);
  const Clock::time_point due = free_at_ + ticks(link_.latency_us * 1e-6);
  const Clock::time_point handed_over = Clock::now();
  account_.occupied({call.operation, false, posted, handed_over});
  const bool carried_out = !request.pending();
  return pending_.add(*this, {std::move(request),
                              {call.operation, call.purpose, bytes, posted, due},
                              handed_over,
                              carried_out});
}

// Sleeping frees the core for other ranks, as waiting for a real network does. The polls drive
// other pending calls, which a real network would move by itself.
void EmulatedLink::wait_until(Clock::time_point due) {
  constexpr auto slice = std::chrono::microseconds(300);
  constexpr auto margin = std::chrono::microseconds(100);
  while (due - Clock::now() > 2 * margin) {
    const auto wanted = std::min<Clock::duration>(slice, due - Clock::now() - margin);
    std::this_thread::sleep_for(wanted);
    inner_.poll();
  }
  while (Clock::now() < due) {
  }
}

void EmulatedLink::wait(Request& request) {
  if (!request.pending()) return;
  PendingCall& pending = pending_.at(request, *this);
  const Clock::time_point begin = Clock::now();
  inner_.wait(pending.request);
  const Clock::time_point arrived = Clock::now();
  CallRecord call = pending.call;
  const Clock::time_point due = call.completed;
  wait_until(due);
  const Clock::time_point end = Clock::now();
  if (pending.carried_out) call.completed = std::max(due, pending.handed_over);
  // If both the link and the other communicator finished before this wait began, the link's time
  // stands. Otherwise the call completes now.
  constexpr auto at_once = std::chrono::microseconds(5);
  if (due > begin || (!pending.carried_out && arrived - begin > at_once)) call.completed = end;
  const Clock::duration blocked = pending.handed_over - call.posted + (end - begin);
  const Clock::duration whole = call.completed - call.posted;
  account_.add(call, Seconds(std::min(blocked, whole)).count());
  account_.occupied({call.operation, false, begin, end});
  pending_.complete(request);
}

}  // namespace tidemark::comm
