// Lifelines between the ranks of a node.
#pragma once

#include <memory>
#include <string>

#include "job/lifelines.hpp"
#include "job/mpi_header.hpp"

namespace tidemark::job {

/// Ties the ranks of `node`, whose memory is one; `rank` is this one's in the job. Null where there
/// is nobody to watch, or where they find no memory to share. Collective over `node`.
std::unique_ptr<Lifelines> watch_node(MPI_Comm node, int rank, const std::string& host);

}  // namespace tidemark::job
