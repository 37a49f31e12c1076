#include "comm/self.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstring>

#include "base/error.hpp"

namespace tidemark::comm {

Request SelfCommunicator::copy(Operation operation, const void* send, void* recv, std::size_t count,
                               DType dtype, Purpose purpose) {
  const Clock::time_point posted = Clock::now();
  const std::size_t bytes = count * size_of(dtype);
  // memcpy may not be given null pointers even to copy nothing.
  if (send != recv && bytes > 0) {
    if (copy_in_order_) {
      copy_in_order_(recv, send, bytes);
    } else {
      std::memcpy(recv, send, bytes);
    }
  }
  const Clock::time_point completed = Clock::now();
  account_.add({operation, purpose, static_cast<std::int64_t>(bytes), posted, completed},
               std::chrono::duration<double>(completed - posted).count());
  account_.occupied({operation, false, posted, completed});
  return {};
}

Request SelfCommunicator::all_reduce(void* buffer, std::size_t count, DType dtype,
                                     Purpose purpose) {
  return copy(Operation::all_reduce, buffer, buffer, count, dtype, purpose);
}

Request SelfCommunicator::all_gather(const void* send, void* recv, std::size_t count_per_rank,
                                     DType dtype, Purpose purpose) {
  return copy(Operation::all_gather, send, recv, count_per_rank, dtype, purpose);
}

Request SelfCommunicator::reduce_scatter(const void* send, void* recv, std::size_t count_per_rank,
                                         DType dtype, Purpose purpose) {
  return copy(Operation::reduce_scatter, send, recv, count_per_rank, dtype, purpose);
}

Request SelfCommunicator::exchange(const void* send, int, void* recv, int, std::size_t count,
                                   DType dtype, Purpose purpose) {
  return copy(Operation::send_recv, send, recv, count, dtype, purpose);
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
