// SPDX-License-Identifier: BSD-3-Clause
// Collectives and exchanges: what a rank accepts, and how the ranks carry it out together.
#include "doubles/nccl_work.hpp"

#include <chrono>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/bfloat16.hpp"
#include "doubles/device.hpp"
#include "doubles/meeting.hpp"
#include "doubles/nccl_double.hpp"
#include "doubles/quiet.hpp"
#include "doubles/registry.hpp"

namespace tidemark::doubles {

namespace {

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

}  // namespace

std::size_t size_of(ncclDataType_t type) {
  return type == ncclFloat64 ? 8 : type == ncclFloat32 ? 4 : type == ncclBfloat16 ? 2 : 0;
}

ncclResult_t accept_all(ncclComm& comm, std::vector<Call> calls, cudaStream_t stream) {
  for (Call& call : calls) {
    if (!is_on_device(call.send, call.sent_bytes) ||
        !is_on_device(call.recv, call.received_bytes)) {
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

int launched_calls() { return launched; }

}  // namespace tidemark::doubles
