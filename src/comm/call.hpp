// One call of a collective, as a rank posts it.
#pragma once

#include <cstddef>

#include "base/dtype.hpp"
#include "comm/operation.hpp"

namespace tidemark::comm {

/// What a rank asks a communicator to do; see Communicator for each operation. Buffers stay the
/// caller's.
struct Call {
  Operation operation;
  Purpose purpose;
  DType dtype;
  const void* send;  ///< null for an all-reduce, which works in place
  void* recv;        ///< the buffer of an all-reduce
  std::size_t
      count;      ///< elements of the buffer or message; of one rank's block where there are blocks
  int to = -1;    ///< rank that an exchange sends to
  int from = -1;  ///< rank that an exchange receives from

  /// Whether one of its buffers has a block for each rank.
  [[nodiscard]] bool has_blocks() const noexcept {
    return operation == Operation::all_gather || operation == Operation::reduce_scatter;
  }
  /// Bytes of `count` elements.
  [[nodiscard]] std::size_t block_bytes() const noexcept { return count * size_of(dtype); }
  /// Bytes of the message as counters have it: all blocks together, or the buffer.
  [[nodiscard]] std::size_t message_bytes(int ranks) const noexcept {
    return block_bytes() * (has_blocks() ? static_cast<std::size_t>(ranks) : 1);
  }
};

}  // namespace tidemark::comm
