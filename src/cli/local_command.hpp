// SPDX-License-Identifier: BSD-3-Clause
// Commands of one process without MPI and Kokkos: `plan`, `check`, `keys`, help and the version.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "job/launch.hpp"

namespace tidemark::cli {

/// Whether the command line asks for such a command. These commands also run on machines that lack
/// what MPI and Kokkos need to start.
bool is_local(const std::vector<char*>& arguments);

/// Runs the command and prints its error. Under a launcher only the process of rank 0 prints.
ExitStatus run_locally(const std::vector<char*>& arguments, const job::Launch& launch);

}  // namespace tidemark::cli
