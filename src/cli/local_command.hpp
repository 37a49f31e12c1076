// SPDX-License-Identifier: BSD-3-Clause
// Commands of one process, without MPI and Kokkos: `plan`, `check`, `keys`, help and the version.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "job/launch.hpp"

namespace tidemark::cli {

/// Whether the command line asks for such a command. They run on machines that lack what MPI and
/// Kokkos need to start.
bool is_local(const std::vector<char*>& arguments);

/// Runs the command and prints what went wrong. Under a launcher the process of rank 0 speaks
/// alone.
ExitStatus run_locally(const std::vector<char*>& arguments, const job::Launch& launch);

}  // namespace tidemark::cli
