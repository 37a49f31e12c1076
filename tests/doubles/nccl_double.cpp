// SPDX-License-Identifier: BSD-3-Clause
// The double of NCCL: only the calls that Tidemark makes, for communicators that do not block.
//
// Ranks are processes of one node, which meet in shared memory. A collective is work on a stream of
// the double of CUDA. All ranks take part in it in the order in which they post. It reports errors
// with which NCCL would hang: other operations, counts or types on other ranks.
#include "doubles/nccl_double.hpp"

#include <nccl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/bfloat16.hpp"
#include "doubles/device.hpp"
#include "doubles/faults.hpp"
#include "doubles/meeting.hpp"
#include "doubles/quiet.hpp"
#include "doubles/registry.hpp"

using tidemark::bfloat16;
using tidemark::doubles::fails;
using tidemark::doubles::Kind;
using tidemark::doubles::Meeting;
using tidemark::doubles::Post;
using tidemark::doubles::Quiet;

/// A communicator.
struct ncclComm {
  ncclComm(const std::string& name, int own_rank, int num_ranks)
      : meeting(name, own_rank, num_ranks), rank(own_rank), ranks(num_ranks) {}

  Meeting meeting;
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

namespace {

std::size_t size_of(ncclDataType_t type) {
  return type == ncclFloat64 ? 8 : type == ncclFloat32 ? 4 : type == ncclBfloat16 ? 2 : 0;
}

template <class T, class Sum>
void sum_blocks(const Meeting& meeting, int ranks, std::size_t first, std::size_t count,
                void* result) {
  auto* const out = static_cast<T*>(result);
  for (std::size_t i = 0; i < count; ++i) {
    Sum sum{};
    for (int rank = 0; rank < ranks; ++rank) {
      T term;
      std::memcpy(&term, meeting.brought_by(rank) + (first + i) * sizeof(T), sizeof(T));
      sum += static_cast<Sum>(term);
    }
    out[i] = static_cast<T>(sum);
  }
}

void sum(const ncclComm& comm, ncclDataType_t type, std::size_t first, std::size_t count,
         void* result) {
  if (type == ncclFloat64) {
    sum_blocks<double, double>(comm.meeting, comm.ranks, first, count, result);
  } else if (type == ncclFloat32) {
    sum_blocks<float, float>(comm.meeting, comm.ranks, first, count, result);
  } else {
    sum_blocks<bfloat16, float>(comm.meeting, comm.ranks, first, count, result);
  }
}

void report(ncclComm& comm, const std::string& trouble) {
  const Quiet quiet;
  const std::lock_guard lock(comm.mutex);
  if (comm.trouble.empty()) comm.trouble = trouble;
}

/// One call, as posted by a rank.
struct Call {
  Post post;
  ncclDataType_t type;
  const void* send;
  std::size_t sent_bytes;
  void* recv;
  std::size_t received_bytes;
};

/// Writes the other ranks' data to this rank's buffer. Runs on the thread of the stream.
void take(ncclComm& comm, const Call& call) {
  const std::size_t count = call.post.count;
  const std::size_t block = count * size_of(call.type);
  auto* const recv = static_cast<std::byte*>(call.recv);
  switch (call.post.kind) {
    case Post::Kind::all_reduce:
      return sum(comm, call.type, 0, count, recv);
    case Post::Kind::reduce_scatter:
      return sum(comm, call.type, count * static_cast<std::size_t>(comm.rank), count, recv);
    case Post::Kind::all_gather:
      for (int rank = 0; rank < comm.ranks; ++rank) {
        std::memcpy(recv + block * static_cast<std::size_t>(rank), comm.meeting.brought_by(rank),
                    block);
      }
      return;
    case Post::Kind::exchange:
      std::memcpy(recv, comm.meeting.brought_by(call.post.from), block);
  }
}

void carry_out(ncclComm& comm, const Call& call) {
  if (!comm.is_aborted.load(std::memory_order_relaxed)) {
    const std::string wrong = comm.meeting.meet(
        call.post, call.send, call.sent_bytes, [&] { take(comm, call); }, comm.is_aborted);
    if (!wrong.empty()) {
      report(comm, wrong);
      // If a collective is impossible, its kernels run until they are aborted.
      while (!comm.is_aborted.load(std::memory_order_relaxed))
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  comm.work_under_way.fetch_sub(1, std::memory_order_release);
}

/// Notes what all ranks must have in common about the places of their buffers.
void note_registration(const ncclComm& comm, Call& call) {
  using tidemark::doubles::registered_offset;
  const std::ptrdiff_t sent = registered_offset(&comm, call.send, call.sent_bytes);
  const std::ptrdiff_t received = registered_offset(&comm, call.recv, call.received_bytes);
  call.post.sends_registered = sent >= 0;
  call.post.receives_registered = received >= 0;
  // Only for the buffer that is the whole message. A rank's own part of it may be anywhere.
  switch (call.post.kind) {
    case Post::Kind::all_reduce:
    case Post::Kind::all_gather:
      call.post.offset = received;
      return;
    case Post::Kind::reduce_scatter:
      call.post.offset = sent;
      return;
    case Post::Kind::exchange:
      call.post.offset = -1;
  }
}

int launched = 0;

/// Every second call is only accepted, like the first calls of real communicators while they
/// connect. It gets to its stream when the communicator has been asked three times.
ncclResult_t accept_all(ncclComm& comm, std::vector<Call> calls, cudaStream_t stream) {
  for (Call& call : calls) {
    if (!tidemark::doubles::is_on_device(call.send, call.sent_bytes) ||
        !tidemark::doubles::is_on_device(call.recv, call.received_bytes)) {
      report(comm, "a buffer is not in the memory of the device");
      return ncclInvalidArgument;
    }
    if (call.sent_bytes > Meeting::most_bytes || size_of(call.type) == 0) {
      return ncclInvalidArgument;
    }
    note_registration(comm, call);
  }
  ++launched;
  comm.work_under_way.fetch_add(static_cast<int>(calls.size()), std::memory_order_relaxed);
  const auto work = [&comm, calls] {
    for (const Call& call : calls) carry_out(comm, call);
  };
  if (comm.calls++ % 2 == 1) {
    stream->push(work);
    return ncclSuccess;
  }
  constexpr int questions = 3;
  const Quiet quiet;
  const std::lock_guard lock(comm.mutex);
  comm.accepted.emplace(stream, work);
  comm.questions_to_come = questions;
  return ncclInProgress;
}

ncclResult_t accept(ncclComm& comm, const Call& call, cudaStream_t stream) {
  return accept_all(comm, {call}, stream);
}

/// The group of this thread, between its start and its end.
struct Group {
  bool is_open = false;
  ncclComm* comm = nullptr;
  cudaStream_t stream = nullptr;
  std::vector<Call> calls;
};
thread_local Group group;

/// The exchange to which one side must be added. Exchanges follow each other as pairs, first the
/// send, and all have the same count and type. Null otherwise.
Call* exchange_in_group(ncclComm* comm, cudaStream_t stream, ncclDataType_t type, std::size_t count,
                        bool sends) {
  if (!group.is_open) return nullptr;
  if (group.comm != nullptr && (group.comm != comm || group.stream != stream)) return nullptr;
  group.comm = comm;
  group.stream = stream;
  if (sends) {
    Call call{};
    call.type = type;
    call.post.kind = Post::Kind::exchange;
    call.post.type = type;
    call.post.count = count;
    group.calls.push_back(call);
  }
  const bool fits = !group.calls.empty() && group.calls.back().post.from < 0 &&
                    group.calls.back().type == type && group.calls.back().post.count == count;
  return fits ? &group.calls.back() : nullptr;
}

thread_local std::string last_error;

bool is_idle(const ncclComm& comm) {
  return comm.work_under_way.load(std::memory_order_acquire) == 0;
}

}  // namespace

int tidemark::doubles::launched_calls() { return launched; }

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (fails("ncclGetUniqueId")) return ncclSystemError;
  const std::string name = Meeting::make();
  std::memset(id->internal, 0, sizeof id->internal);
  std::memcpy(id->internal, name.data(), name.size());
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  if (fails("ncclCommInitRankConfig")) return ncclSystemError;
  if (config->blocking != 0 || ranks > Meeting::most_ranks) return ncclInvalidArgument;
  *comm = new ncclComm(id.internal, rank, ranks);
  return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  if (fails("ncclCommGetAsyncError")) return ncclSystemError;
  if (tidemark::doubles::strikes(Kind::skip, "ncclCommGetAsyncError")) {
    *state = ncclSuccess;
    return ncclSuccess;
  }
  std::optional<std::pair<cudaStream_t, CUstream_st::Work>> ready;
  {
    const Quiet quiet;
    const std::lock_guard lock(comm->mutex);
    *state = !comm->trouble.empty()                           ? ncclRemoteError
             : comm->accepted || !comm->meeting.is_complete() ? ncclInProgress
                                                              : ncclSuccess;
    if (comm->accepted && --comm->questions_to_come == 0) ready.swap(comm->accepted);
  }
  if (ready) ready->first->push(ready->second);
  return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  if (fails("ncclCommFinalize")) return ncclSystemError;
  return is_idle(*comm) ? ncclSuccess : ncclInternalError;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  if (tidemark::doubles::has_registered(comm)) return ncclInvalidUsage;
  delete comm;
  return ncclSuccess;
}

/// Returns when the kernels of this rank have ended. They end now.
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  if (fails("ncclCommAbort")) return ncclSystemError;
  comm->is_aborted = true;
  {
    const Quiet quiet;
    const std::lock_guard lock(comm->mutex);
    if (comm->accepted) comm->work_under_way.fetch_sub(1, std::memory_order_relaxed);
    comm->accepted.reset();
  }
  while (!is_idle(*comm)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  tidemark::doubles::forget_registered(comm);
  delete comm;
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  constexpr std::array texts{
      "no error",       "unhandled cuda error",      "unhandled system error",
      "internal error", "invalid argument",          "invalid usage",
      "remote error",   "NCCL operation in progress"};
  return texts[static_cast<std::size_t>(result)];
}

const char* ncclGetLastError(ncclComm_t comm) {
  if (comm == nullptr) return "";
  const Quiet quiet;
  const std::lock_guard lock(comm->mutex);
  last_error = comm->trouble;
  return last_error.c_str();
}

ncclResult_t ncclAllReduce(const void* send, void* recv, std::size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  if (fails("ncclAllReduce")) return ncclSystemError;
  if (op != ncclSum) return ncclInvalidArgument;
  const std::size_t bytes = count * size_of(type);
  return accept(*comm,
                {{.kind = Post::Kind::all_reduce, .type = type, .count = count},
                 type,
                 send,
                 bytes,
                 recv,
                 bytes},
                stream);
}

ncclResult_t ncclAllGather(const void* send, void* recv, std::size_t count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t stream) {
  if (fails("ncclAllGather")) return ncclSystemError;
  const std::size_t bytes = count * size_of(type);
  return accept(*comm,
                {{.kind = Post::Kind::all_gather, .type = type, .count = count},
                 type,
                 send,
                 bytes,
                 recv,
                 bytes * static_cast<std::size_t>(comm->ranks)},
                stream);
}

ncclResult_t ncclReduceScatter(const void* send, void* recv, std::size_t count, ncclDataType_t type,
                               ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  if (fails("ncclReduceScatter")) return ncclSystemError;
  if (op != ncclSum) return ncclInvalidArgument;
  const std::size_t bytes = count * size_of(type);
  return accept(*comm,
                {{.kind = Post::Kind::reduce_scatter, .type = type, .count = count},
                 type,
                 send,
                 bytes * static_cast<std::size_t>(comm->ranks),
                 recv,
                 bytes},
                stream);
}

ncclResult_t ncclGroupStart() {
  group = Group{};
  group.is_open = true;
  return ncclSuccess;
}

ncclResult_t ncclSend(const void* send, std::size_t count, ncclDataType_t type, int peer,
                      ncclComm_t comm, cudaStream_t stream) {
  if (fails("ncclSend")) return ncclSystemError;
  Call* const call = exchange_in_group(comm, stream, type, count, true);
  if (call == nullptr) return ncclInvalidUsage;
  call->post.to = peer;
  call->send = send;
  call->sent_bytes = count * size_of(type);
  return ncclSuccess;
}

ncclResult_t ncclRecv(void* recv, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  if (fails("ncclRecv")) return ncclSystemError;
  Call* const call = exchange_in_group(comm, stream, type, count, false);
  if (call == nullptr) return ncclInvalidUsage;
  call->post.from = peer;
  call->recv = recv;
  call->received_bytes = count * size_of(type);
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  const Group ended = std::exchange(group, Group{});
  const bool is_whole = std::all_of(ended.calls.begin(), ended.calls.end(), [](const Call& call) {
    return call.post.to >= 0 && call.post.from >= 0;
  });
  if (!ended.is_open || ended.calls.empty() || !is_whole) return ncclInvalidUsage;
  return accept_all(*ended.comm, ended.calls, ended.stream);
}
