#include "comm/self.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstring>

#include "base/error.hpp"

namespace tidemark::comm {

Request SelfCommunicator::copy(Operation operation, const void* send, void* recv, std::size_t count,
                               DType dtype, Purpose purpose) {
  const auto start = std::chrono::steady_clock::now();
  const std::size_t bytes = count * size_of(dtype);
  // memcpy may not be given null pointers even to copy nothing.
  if (send != recv && bytes > 0) std::memcpy(recv, send, bytes);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  counters_.add(operation, purpose, 1, static_cast<std::int64_t>(bytes), elapsed.count(),
                elapsed.count());
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
