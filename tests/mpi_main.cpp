// SPDX-License-Identifier: BSD-3-Clause
// Runs every test on all ranks at once.
#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <gtest/gtest.h>

#include "support/rendezvous.hpp"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  Kokkos::initialize(argc, argv);
  const int status = tidemark::testing::run_all_tests_together();
  Kokkos::finalize();
  MPI_Finalize();
  return status;
}
