// SPDX-License-Identifier: BSD-3-Clause
// How collectives by MPI work.
#pragma once

#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include "comm/algorithms/memory_block.hpp"
#include "comm/algorithms/sums.hpp"
#include "comm/communicator.hpp"

namespace tidemark::comm {

/// How an MpiCommunicator works.
struct MpiOptions {
  /// Algorithm of the collectives. If `automatic`, the first call of each operation and size class
  /// measures all algorithms, and later calls use the fastest.
  Algorithm algorithm = Algorithm::native;
  bool automatic = false;
  std::size_t segment_bytes = default_segment_bytes;  ///< see segment_of
  /// One per rank: ranks with equal labels count as ranks of one node. Empty: MPI is asked. Tests
  /// set it.
  std::vector<int> node_labels;
  /// Largest number of elements of one message, and of one library call that counts in int. Tests
  /// lower it.
  std::size_t largest_count = std::numeric_limits<int>::max();
  /// Whether messages beside work are cut into pieces; nullopt: if that is faster. See
  /// PieceChooser.
  std::optional<bool> cuts;
  /// Whether the caller polls beside work. If not, trials do not poll either.
  bool polls = true;
  /// A separate thread drives pending calls, once per `progress_interval`.
  bool progress_thread = false;
  std::chrono::microseconds progress_interval{500};
  /// The memory of buffers and of scratch. If it is device memory, the library must be able to
  /// access it. Then the library forms no sums of bf16, and runs no call concurrently with other
  /// work. It would form these sums on the host, which cannot read the memory.
  bool on_device = false;
  void (*use_device)() = nullptr;  ///< the progress thread calls it first
  MemorySource memory = host_memory;
  SumFunction sum = sum_on_host;
};

}  // namespace tidemark::comm
