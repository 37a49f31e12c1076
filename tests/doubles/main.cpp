// SPDX-License-Identifier: BSD-3-Clause
// Without its own arguments, runs all tests on all ranks. With `--play SCENARIO`, runs that one.
#include <mpi.h>

#include <string>

#include <gtest/gtest.h>

#include "doubles/scenarios.hpp"
#include "support/rendezvous.hpp"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  const bool plays = argc == 3 && std::string(argv[1]) == "--play";
  const int status =
      plays ? tidemark::doubles::play(argv[2]) : tidemark::testing::run_all_tests_together();
  MPI_Finalize();
  return status;
}
