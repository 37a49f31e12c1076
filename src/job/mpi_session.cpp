// SPDX-License-Identifier: BSD-3-Clause
#include "job/mpi_session.hpp"

#include <cstdio>
#include <iostream>
#include <optional>

#include <fmt/format.h>

#include "base/last_words.hpp"
#include "base/unwinding.hpp"
#include "job/library_version.hpp"
#include "job/mpi_header.hpp"
#include "job/node_watch.hpp"

namespace tidemark::job {

namespace {

int level_of(MpiThreads threads) {
  return threads == MpiThreads::multiple ? MPI_THREAD_MULTIPLE : MPI_THREAD_SERIALIZED;
}

/// A call that is watched if there is a watchdog.
class WatchedCall {
 public:
  WatchedCall(Watchdog* watch, const char* operation) {
    if (watch != nullptr) call_.emplace(*watch, operation);
  }

 private:
  std::optional<Watchdog::Call> call_;
};

void check(int code, const char* what) {
  if (code != MPI_SUCCESS) throw RunError(fmt::format("{} failed: MPI error {}", what, code));
}

}  // namespace

MpiSession::MpiSession(MpiThreads threads, Watchdog* watch) : watch_(watch) {
  start(threads);
  describe();
}

MpiSession::~MpiSession() {
  if (!owns_mpi_) return;
  // Other ranks may wait for this one in a collective, and not in MPI_Finalize.
  if (an_error_unwinds()) abort(ExitStatus::failed);
  if (watch_ != nullptr) watch_->set_context("the end of the job");
  const WatchedCall call(watch_, "MPI_Finalize");
  MPI_Finalize();
}

void MpiSession::start(MpiThreads threads) {
  int finalized = 0;
  check(MPI_Finalized(&finalized), "MPI_Finalized");
  if (finalized != 0) throw RunError("MPI cannot be started twice in one process");
  int initialized = 0;
  check(MPI_Initialized(&initialized), "MPI_Initialized");
  int provided = MPI_THREAD_SINGLE;
  if (initialized != 0) {
    check(MPI_Query_thread(&provided), "MPI_Query_thread");
  } else {
    const WatchedCall call(watch_, "MPI_Init");
    check(MPI_Init_thread(nullptr, nullptr, level_of(threads), &provided), "MPI_Init_thread");
    owns_mpi_ = true;
  }
  if (provided < level_of(threads)) {
    throw RunError(
        fmt::format("MPI grants thread level {}, but {} is needed", provided, level_of(threads)));
  }
}

void MpiSession::describe() {
  const WatchedCall call(watch_, "finding the ranks of this node");
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");

  MPI_Comm node = MPI_COMM_NULL;
  check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node),
        "MPI_Comm_split_type");
  check(MPI_Comm_rank(node, &local_rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(node, &local_size_), "MPI_Comm_size");

  int length = 0;
  char name[MPI_MAX_PROCESSOR_NAME] = "";
  check(MPI_Get_processor_name(name, &length), "MPI_Get_processor_name");
  processor_name_.assign(name, static_cast<std::size_t>(length));
  // Only for the program's own session, because tests make several in one process.
  if (owns_mpi_) lifelines_ = watch_node(node, rank_, processor_name_);
  check(MPI_Comm_free(&node), "MPI_Comm_free");

  char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  check(MPI_Get_library_version(version, &length), "MPI_Get_library_version");
  // Open MPI includes the final NUL in `length`, and MPICH does not.
  library_description_ = version;
  library_version_ = first_line_of(library_description_);
}

void MpiSession::abort(ExitStatus status) const {
  std::cout.flush();
  std::fflush(nullptr);
  note_last_words();
  MPI_Abort(MPI_COMM_WORLD, static_cast<int>(status));
  std::terminate();  // MPI_Abort does not return, but the compiler does not know this
}

}  // namespace tidemark::job
