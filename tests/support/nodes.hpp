// SPDX-License-Identifier: BSD-3-Clause
// Nodes of the tests' own, on one machine.
#pragma once

#include <vector>

#include "job/mpi_header.hpp"

namespace tidemark::support {

/// Node labels for MpiOptions: two nodes, with two ranks each where there are four.
inline std::vector<int> two_nodes() {
  int ranks = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  std::vector<int> labels;
  for (int rank = 0; rank < ranks; ++rank) labels.push_back(rank % 2);
  return labels;
}

}  // namespace tidemark::support
