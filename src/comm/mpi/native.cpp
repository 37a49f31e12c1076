// SPDX-License-Identifier: BSD-3-Clause
// The library's own collectives, up to the largest count that the library supports.
#include <fmt/format.h>

#include "base/bfloat16.hpp"
#include "base/error.hpp"
#include "comm/buffers.hpp"
#include "comm/mpi/datatype.hpp"
#include "comm/mpi/mpi_communicator.hpp"

namespace tidemark::comm {

namespace {

// An MPI_User_function: inout = in + inout. Each sum is formed in float and rounded once.
template <class Count>
void add_bf16(void* in, void* inout, Count* length, MPI_Datatype*) {
  const auto* terms = static_cast<const bfloat16*>(in);
  auto* sums = static_cast<bfloat16*>(inout);
  for (Count i = 0; i < *length; ++i) {
    sums[i] = bfloat16(static_cast<float>(sums[i]) + static_cast<float>(terms[i]));
  }
}

constexpr int commutative = 1;

/// One call of the library; blocking if `request` is null.
struct NativeCall {
  Operation operation;
  const void* send;
  void* recv;
  MPI_Datatype type;
  MPI_Op sum;
  MPI_Comm comm;
  MPI_Request* request;
};

int carry_out_in_int(const NativeCall& c, int n) {
  if (c.operation == Operation::all_reduce) {
    return c.request == nullptr
               ? MPI_Allreduce(MPI_IN_PLACE, c.recv, n, c.type, c.sum, c.comm)
               : MPI_Iallreduce(MPI_IN_PLACE, c.recv, n, c.type, c.sum, c.comm, c.request);
  }
  if (c.operation == Operation::all_gather) {
    return c.request == nullptr
               ? MPI_Allgather(c.send, n, c.type, c.recv, n, c.type, c.comm)
               : MPI_Iallgather(c.send, n, c.type, c.recv, n, c.type, c.comm, c.request);
  }
  return c.request == nullptr
             ? MPI_Reduce_scatter_block(c.send, c.recv, n, c.type, c.sum, c.comm)
             : MPI_Ireduce_scatter_block(c.send, c.recv, n, c.type, c.sum, c.comm, c.request);
}

#if MPI_VERSION >= 4

constexpr bool counts_beyond_int = true;

int make_large_sum(MPI_Op* sum) { return MPI_Op_create_c(add_bf16<MPI_Count>, commutative, sum); }

int carry_out_beyond_int(const NativeCall& c, MPI_Count n) {
  if (c.operation == Operation::all_reduce) {
    return c.request == nullptr
               ? MPI_Allreduce_c(MPI_IN_PLACE, c.recv, n, c.type, c.sum, c.comm)
               : MPI_Iallreduce_c(MPI_IN_PLACE, c.recv, n, c.type, c.sum, c.comm, c.request);
  }
  if (c.operation == Operation::all_gather) {
    return c.request == nullptr
               ? MPI_Allgather_c(c.send, n, c.type, c.recv, n, c.type, c.comm)
               : MPI_Iallgather_c(c.send, n, c.type, c.recv, n, c.type, c.comm, c.request);
  }
  return c.request == nullptr
             ? MPI_Reduce_scatter_block_c(c.send, c.recv, n, c.type, c.sum, c.comm)
             : MPI_Ireduce_scatter_block_c(c.send, c.recv, n, c.type, c.sum, c.comm, c.request);
}

#else

constexpr bool counts_beyond_int = false;

int make_large_sum(MPI_Op*) { return MPI_SUCCESS; }

int carry_out_beyond_int(const NativeCall&, std::size_t) { return MPI_ERR_COUNT; }

#endif

}  // namespace

void MpiCommunicator::make_sums() {
  check(MPI_Op_create(add_bf16<int>, commutative, &handle_.bf16_sum), "making the sum of bf16");
  check(make_large_sum(&handle_.large_bf16_sum), "making the sum of bf16");
}

void MpiCommunicator::free_sums() {
  MPI_Op_free(&handle_.bf16_sum);
  if (handle_.large_bf16_sum != MPI_OP_NULL) MPI_Op_free(&handle_.large_bf16_sum);
}

/// A library that counts in int also counts the whole buffer of a call in int.
bool MpiCommunicator::exceeds_int(const BookedCall& call) const {
  return call.message_bytes / size_of(call.dtype) > options_.largest_count;
}

/// Throws RunError if the library cannot take this number of elements in one call.
void MpiCommunicator::require_countable(const BookedCall& call) const {
  if (counts_beyond_int || !exceeds_int(call)) return;
  fail(name_of(call.operation),
       fmt::format("{} elements are more than this library of MPI {}.{} takes in a call, {}; "
                   "comm.algorithm: pairwise or ring cuts them",
                   call.message_bytes / size_of(call.dtype), MPI_VERSION, MPI_SUBVERSION,
                   options_.largest_count));
}

/// Blocks if `request` is null.
int MpiCommunicator::call_native(const BookedCall& call, MPI_Request* request) const {
  const bool is_large = exceeds_int(call);
  const MPI_Op sum = call.dtype != DType::bf16 ? MPI_SUM
                     : is_large                ? handle_.large_bf16_sum
                                               : handle_.bf16_sum;
  const void* own = call.send;
  if (call.operation == Operation::all_gather) {
    own = block_of(call.recv, call.count * size_of(call.dtype), handle_.rank);
  } else if (call.operation == Operation::reduce_scatter) {
    own = call.recv;
  }
  const void* const send = call.send == own ? MPI_IN_PLACE : call.send;
  const NativeCall native{call.operation, send,   call.recv, datatype_of(call.dtype), sum,
                          handle_.comm,   request};
  return is_large ? carry_out_beyond_int(native, static_cast<MPI_Count>(call.count))
                  : carry_out_in_int(native, static_cast<int>(call.count));
}

Request MpiCommunicator::blocking_native(const BookedCall& call) {
  const Clock::time_point posted =
      Clock::now();  // before the lock, because waiting for the lock counts as blocked
  const std::lock_guard lock(mutex_);
  int code = MPI_SUCCESS;
  {
    const job::Watchdog::Call watched(watchdog_, name_of(call.operation).data(), Clock::now());
    code = call_native(call, nullptr);
  }
  const Clock::time_point completed = Clock::now();
  check(code, name_of(call.operation));
  if (!call.counted) return {};
  account_.add({call.operation, call.purpose, static_cast<std::int64_t>(call.message_bytes), posted,
                completed},
               std::chrono::duration<double>(completed - posted).count());
  account_.occupied({call.operation, false, posted, completed});
  return {};
}

Algorithm MpiCommunicator::allowed(Algorithm algorithm, const BookedCall& call) const {
  const bool is_refused = algorithm == Algorithm::native && !may_be_native(call);
  return is_refused ? Algorithm::pairwise : algorithm;
}

bool MpiCommunicator::may_be_native(const BookedCall& call) const {
  if (options_.automatic && !counts_beyond_int && exceeds_int(call)) return false;
  if (!options_.on_device) return true;
  // With overlapping, the library's call is non-blocking. Non-blocking collectives of Open MPI
  // treat device buffers as host buffers, and form sums on the host (its issue 9845).
  if (overlapping_) return false;
  const bool sums = call.operation != Operation::all_gather;
  return !sums || call.dtype != DType::bf16;
}

}  // namespace tidemark::comm
