// SPDX-License-Identifier: BSD-3-Clause
#include "comm/mpi/library_collectives.hpp"

#include <fmt/format.h>

#include "base/bfloat16.hpp"
#include "base/unwinding.hpp"
#include "comm/buffers.hpp"
#include "comm/mpi/datatype.hpp"

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

/// The elements of a call, all ranks' blocks together.
std::size_t elements_of(const BookedCall& call) {
  return static_cast<std::size_t>(call.message_bytes) / size_of(call.dtype);
}

}  // namespace

LibraryCollectives::LibraryCollectives(const MpiHandle& handle, std::size_t largest_count)
    : handle_(handle), largest_count_(largest_count) {
  handle_.check(MPI_Op_create(add_bf16<int>, commutative, &bf16_sum_), "making the sum of bf16");
  handle_.check(make_large_sum(&large_bf16_sum_), "making the sum of bf16");
}

LibraryCollectives::~LibraryCollectives() {
  // While an error unwinds, a pending call may still use the sums.
  if (an_error_unwinds() || !mpi_is_running()) return;
  MPI_Op_free(&bf16_sum_);
  if (large_bf16_sum_ != MPI_OP_NULL) MPI_Op_free(&large_bf16_sum_);
}

/// A library that counts in int also counts the whole buffer of a call in int.
bool LibraryCollectives::exceeds_int(const BookedCall& call) const {
  return elements_of(call) > largest_count_;
}

bool LibraryCollectives::can_count(const BookedCall& call) const {
  return counts_beyond_int || !exceeds_int(call);
}

void LibraryCollectives::require_countable(const BookedCall& call) const {
  if (can_count(call)) return;
  handle_.fail(name_of(call.operation),
               fmt::format("{} elements are more than this library of MPI {}.{} takes in a call, "
                           "{}; comm.algorithm: pairwise or ring cuts them",
                           elements_of(call), MPI_VERSION, MPI_SUBVERSION, largest_count_));
}

int LibraryCollectives::carry_out(const BookedCall& call, MPI_Request* request) const {
  const bool is_large = exceeds_int(call);
  const MPI_Op bf16_sum = is_large ? large_bf16_sum_ : bf16_sum_;
  const MPI_Op sum = call.dtype == DType::bf16 ? bf16_sum : MPI_SUM;
  const void* own = call.send;
  if (call.operation == Operation::all_gather) {
    own = block_of(call.recv, call.block_bytes(), handle_.rank());
  } else if (call.operation == Operation::reduce_scatter) {
    own = call.recv;
  }
  const void* const send = call.send == own ? MPI_IN_PLACE : call.send;
  const NativeCall native{call.operation, send,   call.recv, datatype_of(call.dtype), sum,
                          handle_.comm(), request};
  return is_large ? carry_out_beyond_int(native, static_cast<MPI_Count>(call.count))
                  : carry_out_in_int(native, static_cast<int>(call.count));
}

}  // namespace tidemark::comm
