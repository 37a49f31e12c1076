// SPDX-License-Identifier: BSD-3-Clause
// The library's own collectives, up to the largest count that the library supports.
#pragma once

#include <cstddef>

#include "comm/mpi/booked_call.hpp"
#include "comm/mpi/handle.hpp"
#include "job/mpi_header.hpp"

namespace tidemark::comm {

/// The collectives of the MPI library on one communicator, and its sums of bf16.
///
/// A library of MPI 4 takes any number of elements. An older library counts the elements of a call
/// (all ranks' blocks together) in int.
class LibraryCollectives {
 public:
  /// `handle` must outlive this object. Calls of more than `largest_count` elements do not fit into
  /// an int; tests lower it.
  LibraryCollectives(const MpiHandle& handle, std::size_t largest_count);
  ~LibraryCollectives();
  LibraryCollectives(const LibraryCollectives&) = delete;
  LibraryCollectives& operator=(const LibraryCollectives&) = delete;

  /// Whether the library takes this number of elements in one call.
  [[nodiscard]] bool can_count(const BookedCall& call) const;
  /// Throws RunError if the library cannot take this number of elements in one call.
  void require_countable(const BookedCall& call) const;
  /// Carries out a countable call. Blocks if `request` is null. Returns MPI's error code.
  [[nodiscard]] int carry_out(const BookedCall& call, MPI_Request* request) const;

 private:
  [[nodiscard]] bool exceeds_int(const BookedCall& call) const;

  const MpiHandle& handle_;
  std::size_t largest_count_;
  MPI_Op bf16_sum_ = MPI_OP_NULL;
  MPI_Op large_bf16_sum_ = MPI_OP_NULL;  ///< for counts beyond int, if the library has them
};

}  // namespace tidemark::comm
