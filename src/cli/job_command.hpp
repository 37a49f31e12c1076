// SPDX-License-Identifier: BSD-3-Clause
// Commands that run on all ranks of a job: `run` and `collectives`.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "job/mpi_session.hpp"

namespace tidemark::cli {

/// Starts what the command needs (threads, device, Kokkos), runs it, and prints its error.
///
/// For an error of all ranks, rank 0 prints one line on stderr. An error of this rank only ends the
/// job. Collective: every rank calls it with the same command line, except for options of Kokkos.
ExitStatus run_in_job(const std::vector<char*>& arguments, const job::MpiSession& session);

}  // namespace tidemark::cli
