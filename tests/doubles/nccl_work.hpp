// SPDX-License-Identifier: BSD-3-Clause
// The work of a communicator of the double of NCCL: from the acceptance of a call to its end on a
// stream.
//
// Ranks are processes of one node, which meet in shared memory. A collective is work on a stream of
// the double of CUDA. All ranks take part in it in the order in which they post. It reports errors
// with which NCCL would hang: other operations, counts or types on other ranks.
#pragma once

#include <nccl.h>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "doubles/device.hpp"
#include "doubles/meeting.hpp"

/// A communicator.
struct ncclComm {
  ncclComm(const std::string& name, int own_rank, int num_ranks)
      : meeting(name, own_rank, num_ranks), rank(own_rank), ranks(num_ranks) {}

  tidemark::doubles::Meeting meeting;
  int rank, ranks;
  std::atomic<bool> is_aborted{false};
  /// Relaxed except for its end. Otherwise the sanitizer would take counting for an order between
  /// the host and the stream.
  std::atomic<int> work_under_way{0};

  std::mutex mutex;  ///< guards the members below
  std::string trouble;
  /// Work that has been accepted, but not given to its stream yet. It makes a call ncclInProgress.
  std::optional<std::pair<cudaStream_t, CUstream_st::Work>> accepted;
  int questions_to_come = 0;  ///< until the work is given to its stream
  int calls = 0;
};

namespace tidemark::doubles {

/// One call, as posted by a rank.
struct Call {
  Post post;
  ncclDataType_t type;
  const void* send;
  std::size_t sent_bytes;
  void* recv;
  std::size_t received_bytes;
};

/// Bytes of an element. 0 for a type that Tidemark does not use.
std::size_t size_of(ncclDataType_t type);

/// Every second call is only accepted, like the first calls of real communicators while they
/// connect. It gets to its stream when the communicator has been asked three times.
ncclResult_t accept_all(ncclComm& comm, std::vector<Call> calls, cudaStream_t stream);

}  // namespace tidemark::doubles
