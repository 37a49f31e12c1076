// SPDX-License-Identifier: BSD-3-Clause
#include "comm/mpi/handle.hpp"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/unwinding.hpp"
#include "job/peers.hpp"

namespace tidemark::comm {

namespace {

std::string describe_error(int code) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS || length == 0) {
    return fmt::format("MPI error {}", code);
  }
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace

int rank_in(MPI_Comm comm) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  return rank;
}

bool mpi_is_running() {
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  return initialized != 0 && finalized == 0;
}

MpiHandle::MpiHandle(MPI_Comm parent, job::Watchdog& watchdog, const std::vector<int>& node_labels)
    : watchdog_(watchdog) {
  watchdog_.set_explanation(job::stopped_siblings);  // until the peers are known
  const job::Watchdog::Call call(watchdog_, "duplicating the communicator");
  duplicate(parent);
  identify_peers();
  nodes_ = node_labels.empty() ? find_nodes() : NodeMap(node_labels);
}

MpiHandle::~MpiHandle() {
  if (an_error_unwinds() || !mpi_is_running()) return;
  const job::Watchdog::Call call(watchdog_, "freeing the communicator");
  MPI_Comm_free(&comm_);
}

void MpiHandle::duplicate(MPI_Comm parent) {
  rank_ = rank_in(parent);
  check(MPI_Comm_dup(parent, &comm_), "duplicating the communicator");
  check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "setting the error handler");
  check(MPI_Comm_size(comm_, &size_), "reading the communicator's size");
}

/// The error line of an overdue call then names a rank that is not alive. The library's own
/// collectives do not tell this.
void MpiHandle::identify_peers() {
  const job::ProcessIdentity own = job::ProcessIdentity::of_this_process();
  std::vector<job::ProcessIdentity> all(static_cast<std::size_t>(size_));
  check(MPI_Allgather(&own, sizeof own, MPI_BYTE, all.data(), sizeof own, MPI_BYTE, comm_),
        "exchanging process ids");
  watchdog_.set_explanation(
      [all = std::move(all), rank = rank_] { return job::missing_peers(all, rank); });
}

NodeMap MpiHandle::find_nodes() const {
  const char* const operation = "finding the nodes";
  MPI_Comm node = MPI_COMM_NULL;
  check(MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node), operation);
  int lowest = rank_;  // of the ranks of the node
  check(MPI_Bcast(&lowest, 1, MPI_INT, 0, node), operation);
  check(MPI_Comm_free(&node), operation);
  std::vector<int> labels(static_cast<std::size_t>(size_));
  check(MPI_Allgather(&lowest, 1, MPI_INT, labels.data(), 1, MPI_INT, comm_), operation);
  return NodeMap(labels);
}

void MpiHandle::fail(std::string_view operation, std::string_view reason) const {
  throw RunError(
      fmt::format("{} failed in {} on rank {}: {}", operation, watchdog_.context(), rank_, reason));
}

void MpiHandle::check(int code, std::string_view operation) const {
  if (code != MPI_SUCCESS) fail(operation, describe_error(code));
}

int MpiHandle::checked_count(std::size_t count, int blocks, std::string_view operation) const {
  constexpr std::size_t largest = std::numeric_limits<int>::max();
  const auto n = static_cast<std::size_t>(blocks);
  if (count > largest / n) {
    fail(operation,
         fmt::format("{} x {} elements exceed MPI's limit of {} per call", n, count, largest));
  }
  return static_cast<int>(count);
}

}  // namespace tidemark::comm
