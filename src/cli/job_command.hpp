// SPDX-License-Identifier: BSD-3-Clause
// Commands of all ranks of a job: `run` and `collectives`.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "job/mpi_session.hpp"

namespace tidemark::cli {

/// Starts what the command needs (threads, device, Kokkos), runs it, and prints what went wrong.
///
/// An error of all ranks is one line on stderr, from rank 0. An error of this rank alone ends the
/// job. Collective: every rank calls it with the same command line, options of Kokkos excepted.
ExitStatus run_in_job(const std::vector<char*>& arguments, const job::MpiSession& session);

}  // namespace tidemark::cli
