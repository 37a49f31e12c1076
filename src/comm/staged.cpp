#include "comm/staged.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.hpp"

namespace tidemark::comm {

namespace {

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

Staged::~Staged() {
  // The requests, which may still be under way, use the buffers.
  while (!under_way_.empty()) {
    Transit transit = std::move(under_way_.begin()->second);
    under_way_.erase(under_way_.begin());
    transit.request = Request();
    free_.push_back(transit.sent);
    free_.push_back(transit.received);
  }
  for (const Buffer& buffer : free_) {
    if (buffer.data != nullptr) on_.host.release(buffer.data);
  }
}

/// The smallest that is large enough, or a new one.
Staged::Buffer Staged::take(std::size_t bytes) {
  if (bytes == 0) return {};
  auto best = free_.end();
  for (auto buffer = free_.begin(); buffer != free_.end(); ++buffer) {
    if (buffer->bytes >= bytes && (best == free_.end() || buffer->bytes < best->bytes)) {
      best = buffer;
    }
  }
  if (best != free_.end()) {
    const Buffer found = *best;
    free_.erase(best);
    return found;
  }
  const Buffer made{static_cast<std::byte*>(on_.host.allocate(bytes)), bytes};
  if (made.data == nullptr) {
    throw RunError(
        fmt::format("out of memory: the host refused {} bytes through which the "
                    "device's buffers are sent",
                    bytes));
  }
  held_bytes_ += bytes;
  return made;
}

void Staged::give_back(Buffer buffer) {
  if (buffer.data != nullptr) free_.push_back(buffer);
}

void Staged::to_host(const Buffer& buffer, const void* device, std::size_t bytes) const {
  if (bytes > 0) on_.to_host(buffer.data, device, bytes);
}

/// `post(transit)` fills the buffers in and posts the call on them.
template <class Post>
Request Staged::post(Operation operation, Purpose purpose, std::size_t message_bytes, void* target,
                     std::size_t target_bytes, const Post& post) {
  const Clock::time_point posted = Clock::now();
  Transit transit;
  transit.call = {operation, purpose, static_cast<std::int64_t>(message_bytes), posted, posted};
  transit.target = target;
  transit.target_bytes = target_bytes;
  transit.request = post(transit);
  const Clock::time_point end = Clock::now();
  transit.posting_seconds = seconds_between(posted, end);
  account_.occupied({operation, false, posted, end});
  const std::uint64_t ticket = next_ticket_++;
  under_way_.emplace(ticket, std::move(transit));
  return {*this, ticket};
}

Request Staged::all_reduce(void* buffer, std::size_t count, DType dtype, Purpose purpose) {
  const std::size_t bytes = count * size_of(dtype);
  return post(Operation::all_reduce, purpose, bytes, buffer, bytes, [&](Transit& transit) {
    transit.received = take(bytes);
    to_host(transit.received, buffer, bytes);
    return inner_.all_reduce(transit.received.data, count, dtype, purpose);
  });
}

Request Staged::all_gather(const void* send, void* recv, std::size_t count_per_rank, DType dtype,
                           Purpose purpose) {
  const std::size_t block = count_per_rank * size_of(dtype);
  const std::size_t whole = block * static_cast<std::size_t>(size());
  return post(Operation::all_gather, purpose, whole, recv, whole, [&](Transit& transit) {
    transit.received = take(whole);
    std::byte* own = transit.received.data;
    if (own != nullptr) own += block * static_cast<std::size_t>(rank());
    if (block > 0) on_.to_host(own, send, block);
    return inner_.all_gather(own, transit.received.data, count_per_rank, dtype, purpose);
  });
}

Request Staged::reduce_scatter(const void* send, void* recv, std::size_t count_per_rank,
                               DType dtype, Purpose purpose) {
  const std::size_t block = count_per_rank * size_of(dtype);
  const std::size_t whole = block * static_cast<std::size_t>(size());
  return post(Operation::reduce_scatter, purpose, whole, recv, block, [&](Transit& transit) {
    transit.sent = take(whole);
    transit.received = take(block);
    to_host(transit.sent, send, whole);
    return inner_.reduce_scatter(transit.sent.data, transit.received.data, count_per_rank, dtype,
                                 purpose);
  });
}

Request Staged::exchange(const void* send, int to, void* recv, int from, std::size_t count,
                         DType dtype, Purpose purpose) {
  const std::size_t bytes = count * size_of(dtype);
  return post(Operation::send_recv, purpose, bytes, recv, bytes, [&](Transit& transit) {
    transit.sent = take(bytes);
    transit.received = take(bytes);
    to_host(transit.sent, send, bytes);
    return inner_.exchange(transit.sent.data, to, transit.received.data, from, count, dtype,
                           purpose);
  });
}

void Staged::wait(Request& request) {
  if (!request.pending()) return;
  TIDEMARK_REQUIRE(request.owner() == this, "a request of another communicator");
  const auto found = under_way_.find(request.ticket());
  TIDEMARK_REQUIRE(found != under_way_.end(), "the call is not under way");
  Transit& transit = found->second;
  const Clock::time_point begin = Clock::now();
  inner_.wait(transit.request);
  if (transit.target_bytes > 0) {
    on_.to_device(transit.target, transit.received.data, transit.target_bytes);
  }
  transit.call.completed = Clock::now();
  account_.add(transit.call,
               transit.posting_seconds + seconds_between(begin, transit.call.completed));
  account_.occupied({transit.call.operation, false, begin, transit.call.completed});
  give_back(transit.sent);
  give_back(transit.received);
  under_way_.erase(found);
  request.mark_complete();
}

void Staged::poll() {
  if (under_way_.empty()) return;
  const Clock::time_point begin = Clock::now();
  inner_.poll();
  account_.occupied({Operation::send_recv, true, begin, Clock::now()});
}

}  // namespace tidemark::comm
