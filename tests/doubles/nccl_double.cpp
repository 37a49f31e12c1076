// SPDX-License-Identifier: BSD-3-Clause
// The double of NCCL: only the calls that Tidemark makes, for communicators that do not block.
// nccl_work.cpp carries collectives out, and registry.cpp has the calls for NCCL's own memory.
#include <nccl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "doubles/device.hpp"
#include "doubles/faults.hpp"
#include "doubles/meeting.hpp"
#include "doubles/nccl_work.hpp"
#include "doubles/quiet.hpp"
#include "doubles/registry.hpp"

using tidemark::doubles::accept_all;
using tidemark::doubles::Call;
using tidemark::doubles::fails;
using tidemark::doubles::Kind;
using tidemark::doubles::Meeting;
using tidemark::doubles::Post;
using tidemark::doubles::Quiet;
using tidemark::doubles::size_of;

namespace {

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
