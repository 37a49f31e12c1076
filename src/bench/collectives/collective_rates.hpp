// How fast the collectives are by themselves, by every way there is.
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
  std::string name;  ///< native, pairwise, ring: the algorithms of MPI; nccl
  std::unique_ptr<comm::Communicator> communicator;
  bool is_native = false;         ///< the MPI library's own, which others are compared with
  bool forms_sums = true;         ///< else it is measured without all-reduce and reduce-scatter
  bool scatters_in_place = true;  ///< a rank's block may be its own part of what it sends
};

/// The memory in which buffers lie. What is done to it is complete on return.
struct BufferPlace {
  MemorySource memory;
  std::function<void(void* data, std::size_t bytes)> clear;
  std::function<void(void* to, const void* from, std::size_t bytes)> copy;
};

/// One operation on one message size by one way.
struct CollectiveRate {
  comm::Operation operation;
  std::string way;
  bool in_place = false;                 ///< a rank's block is its own part of the whole
  std::int64_t message_bytes = 0;        ///< as nccl-tests counts them
  double seconds = 0.0;                  ///< median over repeats of the slowest rank
  std::optional<double> native_seconds;  ///< of the MPI library's own, where that was measured
  double copy_seconds = 0.0;  ///< of a copy of as many bytes within the place, on all ranks at once
};

/// Measures all-reduce, all-gather and reduce-scatter on buffers of at least each of `sizes` bytes,
/// rounded up to whole elements on every rank, by all of `ways`, of which there is one at least.
/// Repeats are interleaved, so that a machine that drifts meets all alike. A call counts from a
/// barrier until the host knows that it is complete. Collective over the ranks of the ways.
std::vector<CollectiveRate> measure_collectives(const std::vector<CollectiveWay>& ways,
                                                const BufferPlace& place,
                                                const std::vector<std::int64_t>& sizes, DType dtype,
                                                int repeats);

}  // namespace tidemark::bench
