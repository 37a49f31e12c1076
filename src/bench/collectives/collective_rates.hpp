// SPDX-License-Identifier: BSD-3-Clause
// Measures the speed of the collectives alone, in every available way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.hpp"
#include "base/memory_source.hpp"
#include "comm/communicator.hpp"
#include "comm/operation.hpp"

namespace tidemark::bench {

/// A way to carry collectives out.
struct CollectiveWay {
  std::string name;  ///< native, pairwise or ring for MPI's algorithms, or nccl
  std::unique_ptr<comm::Communicator> communicator;
  bool is_native = false;         ///< the MPI library's own, with which others are compared
  bool forms_sums = true;         ///< if false, all-reduce and reduce-scatter are not measured
  bool scatters_in_place = true;  ///< reduce-scatter may write its result into the send buffer
};

/// The memory of the buffers. Its functions are complete on return.
struct BufferPlace {
  MemorySource memory;
  std::function<void(void* data, std::size_t bytes)> clear;
  std::function<void(void* to, const void* from, std::size_t bytes)> copy;
};

/// The result of one operation with one message size, in one way.
struct CollectiveRate {
  comm::Operation operation;
  std::string way;
  bool in_place = false;                 ///< a rank's block is its own part of the whole buffer
  std::int64_t message_bytes = 0;        ///< as nccl-tests counts them
  double seconds = 0.0;                  ///< slowest rank, median over repeats
  std::optional<double> native_seconds;  ///< of the MPI library's own, if it was measured
  double copy_seconds = 0.0;  ///< of a copy of the same size in this memory, on all ranks at once
};

/// Measures all-reduce, all-gather and reduce-scatter by all of `ways`, which must not be empty.
/// Buffers have each of `sizes` bytes, rounded up to whole elements on every rank. Repeats are
/// interleaved, so that drift of the machine affects all ways equally. A call counts from a barrier
/// until the host knows that it is complete. Collective over the ranks of the ways.
std::vector<CollectiveRate> measure_collectives(const std::vector<CollectiveWay>& ways,
                                                const BufferPlace& place,
                                                const std::vector<std::int64_t>& sizes, DType dtype,
                                                int repeats);

}  // namespace tidemark::bench
