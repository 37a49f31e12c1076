// SPDX-License-Identifier: BSD-3-Clause
#include "comm/wrappers/self.hpp"

#include <chrono>
#include <cstdint>
#include <cstring>

#include <fmt/format.h>

#include "base/error.hpp"

namespace tidemark::comm {

/// Copies from `send` to `recv`. An all-reduce of one rank does nothing.
Request SelfCommunicator::post(const Call& call) {
  const Clock::time_point posted = Clock::now();
  const std::size_t bytes = call.message_bytes(1);
  const void* const send = call.operation == Operation::all_reduce ? call.recv : call.send;
  // memcpy must not get null pointers, even for zero bytes.
  if (send != call.recv && bytes > 0) {
    if (copy_in_order_) {
      copy_in_order_(call.recv, send, bytes);
    } else {
      std::memcpy(call.recv, send, bytes);
    }
  }
  const Clock::time_point completed = Clock::now();
  account_.add({call.operation, call.purpose, static_cast<std::int64_t>(bytes), posted, completed},
               std::chrono::duration<double>(completed - posted).count());
  account_.occupied({call.operation, false, posted, completed});
  return {};
}

void SelfCommunicator::wait(Request& request) {
  TIDEMARK_REQUIRE(!request.pending(), "a request of another communicator");
}

std::string SelfCommunicator::broadcast_bytes(std::string bytes, int root) {
  if (root != 0) {
    throw RunError(
        fmt::format("broadcast_bytes failed in {} on rank 0: there is no rank {}", context_, root));
  }
  return bytes;
}

std::vector<std::string> SelfCommunicator::gather_bytes(std::string_view bytes) {
  return {std::string(bytes)};
}

}  // namespace tidemark::comm
