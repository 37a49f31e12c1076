// How fast the collectives are by themselves, by every algorithm.
#pragma once

#include <cstdint>
#include <vector>

#include "base/dtype.hpp"
#include "comm/mpi_session.hpp"
#include "comm/operation.hpp"
#include "comm/rounds.hpp"

namespace tidemark::bench {

/// One operation on one message size by one algorithm.
struct CollectiveRate {
  comm::Operation operation;
  comm::Algorithm algorithm;
  bool in_place = false;           ///< a rank's block is its own part of the whole
  std::int64_t message_bytes = 0;  ///< as nccl-tests counts them
  double seconds = 0.0;            ///< median over repeats of the slowest rank
  double native_seconds = 0.0;     ///< of the library's own
  double copy_seconds = 0.0;       ///< of a plain copy of as many bytes, on all ranks at once
};

/// Measures all-reduce, all-gather and reduce-scatter on buffers of at least each of `sizes` bytes,
/// rounded up to whole elements on every rank, by every algorithm that differs on this number of
/// ranks. Repeats are interleaved, so that a machine that drifts meets all alike. Collective over
/// the processes of the job, of which there must be two at least.
std::vector<CollectiveRate> measure_collectives(const std::vector<std::int64_t>& sizes, DType dtype,
                                                int repeats, double timeout_s);

}  // namespace tidemark::bench
