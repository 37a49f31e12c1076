// SPDX-License-Identifier: BSD-3-Clause
// One call of a collective, as a rank posts it.
#pragma once

#include <cstddef>

#include "base/dtype.hpp"
#include "comm/operation.hpp"

namespace tidemark::comm {

/// What a rank requests of a communicator; see Communicator for each operation. The caller keeps
/// the ownership of the buffers.
struct Call {
  Operation operation;
  Purpose purpose;
  DType dtype;
  const void* send;  ///< null for an all-reduce, which works in place
  void* recv;        ///< the buffer of an all-reduce
  std::size_t
      count;      ///< elements of the buffer or message, or of one rank's block if there are blocks
  int to = -1;    ///< rank that an exchange sends to
  int from = -1;  ///< rank that an exchange receives from

  /// Whether one of its buffers has a block for each rank.
  [[nodiscard]] bool has_blocks() const noexcept {
    return operation == Operation::all_gather || operation == Operation::reduce_scatter;
  }
  /// Bytes of `count` elements.
  [[nodiscard]] std::size_t block_bytes() const noexcept { return count * size_of(dtype); }
  /// Bytes of the message as the counters define it: all blocks together, or the whole buffer.
  [[nodiscard]] std::size_t message_bytes(int ranks) const noexcept {
    return block_bytes() * (has_blocks() ? static_cast<std::size_t>(ranks) : 1);
  }
};

}  // namespace tidemark::comm
