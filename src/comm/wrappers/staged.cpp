// SPDX-License-Identifier: BSD-3-Clause
#include "comm/wrappers/staged.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/error.hpp"

namespace tidemark::comm {

namespace {

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

Staged::~Staged() {
  // Requests may still be pending, and they use the buffers.
  while (!pending_.empty()) {
    PendingCall pending = pending_.take_first();
    pending.request = Request();
    free_.push_back(pending.sent);
    free_.push_back(pending.received);
  }
  for (const Buffer& buffer : free_) {
    if (buffer.data != nullptr) on_.host.release(buffer.data);
  }
}

/// Takes the smallest free buffer that is large enough, or allocates one.
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

/// Takes buffers in host memory, copies the call's input to them, and posts the call on them.
Request Staged::stage(const Call& call, PendingCall& pending) {
  const std::size_t block = call.block_bytes();
  const std::size_t whole = call.message_bytes(size());
  Call staged = call;
  pending.target = call.recv;
  pending.target_bytes = call.operation == Operation::reduce_scatter ? block : whole;
  switch (call.operation) {
    case Operation::all_reduce:
      pending.received = take(whole);
      to_host(pending.received, call.recv, whole);
      break;
    case Operation::all_gather: {
      // In place: this rank sends its own block of the receive buffer.
      pending.received = take(whole);
      std::byte* own = pending.received.data;
      if (own != nullptr) own += block * static_cast<std::size_t>(rank());
      if (block > 0) on_.to_host(own, call.send, block);
      staged.send = own;
      break;
    }
    case Operation::reduce_scatter:
    case Operation::send_recv:
      pending.sent = take(whole);
      pending.received = take(block);
      to_host(pending.sent, call.send, whole);
      staged.send = pending.sent.data;
      break;
  }
  staged.recv = pending.received.data;
  return inner_.post(staged);
}

Request Staged::post(const Call& call) {
  const Clock::time_point posted = Clock::now();
  PendingCall pending;
  pending.call = {call.operation, call.purpose,
                  static_cast<std::int64_t>(call.message_bytes(size())), posted, posted};
  pending.request = stage(call, pending);
  const Clock::time_point end = Clock::now();
  pending.posting_seconds = seconds_between(posted, end);
  account_.occupied({call.operation, false, posted, end});
  return pending_.add(*this, std::move(pending));
}

void Staged::wait(Request& request) {
  if (!request.pending()) return;
  PendingCall& pending = pending_.at(request, *this);
  const Clock::time_point begin = Clock::now();
  inner_.wait(pending.request);
  if (pending.target_bytes > 0) {
    on_.to_device(pending.target, pending.received.data, pending.target_bytes);
  }
  pending.call.completed = Clock::now();
  account_.add(pending.call,
               pending.posting_seconds + seconds_between(begin, pending.call.completed));
  account_.occupied({pending.call.operation, false, begin, pending.call.completed});
  give_back(pending.sent);
  give_back(pending.received);
  pending_.complete(request);
}

}  // namespace tidemark::comm
