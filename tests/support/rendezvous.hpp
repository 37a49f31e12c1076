// SPDX-License-Identifier: BSD-3-Clause
// Tests that all ranks of an MPI job run concurrently.
#pragma once

#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>

namespace tidemark::testing {

/// How long a rank waits for the others at the end of a test. An exception or a fatal assertion may
/// end a test early on one rank, and leave the others in a collective for ever.
inline std::chrono::seconds patience() {
  const char* seconds = std::getenv("TIDEMARK_TEST_PATIENCE_S");
  return std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 60);
}

/// Brings the ranks together after each test, so that they enter the next one together. There is a
/// deadline, after which it ends all ranks.
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
    // GoogleTest allows this here, because the test is still the current one and not yet reported.
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

/// Runs every test on all ranks at once. Rank 0 prints the progress, and the others print only
/// their failures. A test that failed on any rank has failed. Returns the exit status.
inline int run_all_tests_together() {
  // A separate communicator, so that tests that leave messages in MPI_COMM_WORLD cannot disturb it.
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  if (rank != 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new Rendezvous(comm));  // after the printer, because it can add failures

  const int status = RUN_ALL_TESTS();
  MPI_Comm_free(&comm);
  return status;
}

}  // namespace tidemark::testing
