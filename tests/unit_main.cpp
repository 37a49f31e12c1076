// SPDX-License-Identifier: BSD-3-Clause
// Runs the tests of one process. MPI and Kokkos are started, because the tested code may call both.
#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <gtest/gtest.h>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  Kokkos::initialize(argc, argv);
  const int status = RUN_ALL_TESTS();
  Kokkos::finalize();
  MPI_Finalize();
  return status;
}
