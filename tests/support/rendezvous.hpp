// SPDX-License-Identifier: BSD-3-Clause
// Tests that all ranks of an MPI job run side by side.
#pragma once

#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>

namespace tidemark::testing {

/// How long a rank waits at the end of a test for the others. A rank that left a test early, by an
/// exception or a fatal assertion, may have left them inside a collective for ever.
inline std::chrono::seconds patience() {
  const char* seconds = std::getenv("TIDEMARK_TEST_PATIENCE_S");
  return std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 60);
}

/// Brings the ranks together after each test, with a deadline, so that they enter the next one
/// side by side; past the deadline it ends them all.
class Rendezvous : public ::testing::EmptyTestEventListener {
 public:
  explicit Rendezvous(MPI_Comm comm) : comm_(comm) { MPI_Comm_rank(comm, &rank_); }

  void OnTestPartResult(const ::testing::TestPartResult& result) override {
    if (!result.failed() || rank_ == 0) return;
    const char* file = result.file_name() != nullptr ? result.file_name() : "unknown file";
    std::printf("[rank %d] %s:%d: Failure\n%s\n", rank_, file, result.line_number(),
                result.message());
    std::fflush(stdout);
  }

  void OnTestEnd(const ::testing::TestInfo& info) override {
    const int failed_here = info.result()->Failed() ? 1 : 0;
    int failed_ranks = 0;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Iallreduce(&failed_here, &failed_ranks, 1, MPI_INT, MPI_SUM, comm_, &request);
    const auto deadline = std::chrono::steady_clock::now() + patience();
    int done = 0;
    while (MPI_Test(&request, &done, MPI_STATUS_IGNORE), done == 0) {
      if (std::chrono::steady_clock::now() > deadline) give_up(info);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    // GoogleTest allows this here: the test is still the current one, and not yet reported.
    if (rank_ == 0 && failed_ranks > failed_here) {
      ADD_FAILURE() << failed_ranks - failed_here << " of the other ranks failed";
    }
  }

 private:
  [[noreturn]] void give_up(const ::testing::TestInfo& info) const {
    std::printf("[rank %d] %s.%s: other ranks did not reach the end of this test; giving up\n",
                rank_, info.test_suite_name(), info.name());
    std::fflush(stdout);
    MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
    std::abort();
  }

  MPI_Comm comm_;
  int rank_ = 0;
};

/// Runs every test on all ranks at once. Rank 0 prints the course of things, the others their
/// failures alone, and a test that failed on any rank has failed. The exit status.
inline int run_all_tests_together() {
  // A communicator of its own: tests that leave messages behind in the world cannot reach it.
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  if (rank != 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new Rendezvous(comm));  // after the printer, as a listener that can add failures

  const int status = RUN_ALL_TESTS();
  MPI_Comm_free(&comm);
  return status;
}

}  // namespace tidemark::testing
