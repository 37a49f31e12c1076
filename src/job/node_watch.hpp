// SPDX-License-Identifier: BSD-3-Clause
// Lifelines between the ranks of a node.
#pragma once

#include <memory>
#include <string>

#include "job/lifelines.hpp"
#include "job/mpi_header.hpp"

namespace tidemark::job {

/// Makes the lifelines of the ranks of `node`, which share memory. `rank` is this rank's number in
/// the job. Null if there is no other rank, or no memory to share. Collective over `node`.
std::unique_ptr<Lifelines> watch_node(MPI_Comm node, int rank, const std::string& host);

}  // namespace tidemark::job
