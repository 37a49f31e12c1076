// SPDX-License-Identifier: BSD-3-Clause
// A duplicate of a communicator of MPI, and the error lines of the calls on it.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "comm/algorithms/nodes.hpp"
#include "job/mpi_header.hpp"
#include "job/watchdog.hpp"

namespace tidemark::comm {

/// Owns a duplicate of a communicator, which returns errors instead of ending the job. Destroy it
/// before MPI_Finalize.
class MpiHandle {
 public:
  /// Collective. `parent` remains the caller's. `watchdog` must outlive the handle. From then on an
  /// overdue call names the ranks of this communicator that are not alive.
  /// `node_labels`: see MpiOptions.
  MpiHandle(MPI_Comm parent, job::Watchdog& watchdog, const std::vector<int>& node_labels = {});
  ~MpiHandle();
  MpiHandle(const MpiHandle&) = delete;
  MpiHandle& operator=(const MpiHandle&) = delete;

  [[nodiscard]] MPI_Comm comm() const noexcept { return comm_; }
  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] int size() const noexcept { return size_; }
  /// Ranks that share memory, as MPI sees it (MPI_COMM_TYPE_SHARED), share a node.
  [[nodiscard]] const NodeMap& nodes() const noexcept { return nodes_; }

  /// Throws RunError with the operation, the context, this rank and the reason.
  [[noreturn]] void fail(std::string_view operation, std::string_view reason) const;
  /// Throws RunError unless `code` is MPI_SUCCESS.
  void check(int code, std::string_view operation) const;
  /// `count` as MPI takes it. Throws RunError if `blocks` x `count` elements exceed an int.
  [[nodiscard]] int checked_count(std::size_t count, int blocks, std::string_view operation) const;

 private:
  void duplicate(MPI_Comm parent);
  void identify_peers();
  [[nodiscard]] NodeMap find_nodes() const;

  job::Watchdog& watchdog_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  NodeMap nodes_{1};
};

/// The rank of this process in `comm`.
[[nodiscard]] int rank_in(MPI_Comm comm);
/// Whether MPI was initialised and not finalised yet. Only then are its handles valid.
[[nodiscard]] bool mpi_is_running();

}  // namespace tidemark::comm
