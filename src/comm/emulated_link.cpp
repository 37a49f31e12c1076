#include "comm/emulated_link.hpp"

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

template <class Post>
Request EmulatedLink::post(Operation operation, Purpose purpose, std::size_t message_bytes,
                           const Post& post) {
  const Clock::time_point posted = Clock::now();
  const auto bytes = static_cast<std::int64_t>(message_bytes);
  Request request = post();
  double seconds_on_link = 0.0;
  if (link_.bandwidth_gbytes_per_s > 0.0) {
    seconds_on_link = static_cast<double>(wire_bytes(operation, size(), bytes)) /
                      (link_.bandwidth_gbytes_per_s * 1e9);
  }
  free_at_ = std::max(free_at_, posted) + ticks(seconds_on_link);
  const Clock::time_point due = free_at_ + ticks(link_.latency_us * 1e-6);
  const Clock::time_point handed_over = Clock::now();
  account_.occupied({operation, false, posted, handed_over});
  const std::uint64_t ticket = next_ticket_++;
  const bool carried_out = !request.pending();
  under_way_.emplace(
      ticket,
      Transit{
          std::move(request), {operation, purpose, bytes, posted, due}, handed_over, carried_out});
  return {*this, ticket};
}

Request EmulatedLink::all_reduce(void* buffer, std::size_t count, DType dtype, Purpose purpose) {
  return post(Operation::all_reduce, purpose, count * size_of(dtype),
              [&] { return inner_.all_reduce(buffer, count, dtype, purpose); });
}

Request EmulatedLink::all_gather(const void* send, void* recv, std::size_t count_per_rank,
                                 DType dtype, Purpose purpose) {
  const std::size_t bytes = count_per_rank * static_cast<std::size_t>(size()) * size_of(dtype);
  return post(Operation::all_gather, purpose, bytes,
              [&] { return inner_.all_gather(send, recv, count_per_rank, dtype, purpose); });
}

Request EmulatedLink::reduce_scatter(const void* send, void* recv, std::size_t count_per_rank,
                                     DType dtype, Purpose purpose) {
  const std::size_t bytes = count_per_rank * static_cast<std::size_t>(size()) * size_of(dtype);
  return post(Operation::reduce_scatter, purpose, bytes,
              [&] { return inner_.reduce_scatter(send, recv, count_per_rank, dtype, purpose); });
}

Request EmulatedLink::exchange(const void* send, int to, void* recv, int from, std::size_t count,
                               DType dtype, Purpose purpose) {
  return post(Operation::send_recv, purpose, count * size_of(dtype),
              [&] { return inner_.exchange(send, to, recv, from, count, dtype, purpose); });
}

// Sleeping leaves the core to others, as a rank that waits for a network does; now and then other
// calls are driven, which a network would do by itself.
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
  TIDEMARK_REQUIRE(request.owner() == this, "a request of another communicator");
  const auto found = under_way_.find(request.ticket());
  TIDEMARK_REQUIRE(found != under_way_.end(), "the call is not under way");
  Transit& transit = found->second;
  const Clock::time_point begin = Clock::now();
  inner_.wait(transit.request);
  const Clock::time_point arrived = Clock::now();
  CallRecord call = transit.call;
  const Clock::time_point due = call.completed;
  wait_until(due);
  const Clock::time_point end = Clock::now();
  if (transit.carried_out) call.completed = std::max(due, transit.handed_over);
  // When a call ended that both had done with before it was waited for, only the link says.
  constexpr auto at_once = std::chrono::microseconds(5);
  if (due > begin || (!transit.carried_out && arrived - begin > at_once)) call.completed = end;
  const Clock::duration blocked = transit.handed_over - call.posted + (end - begin);
  const Clock::duration whole = call.completed - call.posted;
  account_.add(call, Seconds(std::min(blocked, whole)).count());
  account_.occupied({call.operation, false, begin, end});
  under_way_.erase(found);
  request.mark_complete();
}

void EmulatedLink::poll() {
  if (under_way_.empty()) return;
  const Clock::time_point begin = Clock::now();
  inner_.poll();
  account_.occupied({Operation::send_recv, true, begin, Clock::now()});
}

}  // namespace tidemark::comm
