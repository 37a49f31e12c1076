// SPDX-License-Identifier: BSD-3-Clause
// `tidemark collectives`: measures every collective by itself, with every algorithm.
#pragma once

#include <string>

#include "base/device.hpp"
#include "base/error.hpp"
#include "job/mpi_session.hpp"

namespace tidemark::commands {

struct CollectivesArguments {
  std::string smallest = "4KiB";
  std::string largest = "64MiB";
  std::string precision = "fp32";
  std::string backend = "auto";  ///< mpi or nccl: only that one; auto: what runs use here, and MPI
  int repeats = 15;
  double timeout_s = 60.0;
};

/// Prints a table of times and of bandwidths by nccl-tests' formulas. The buffers are in the memory
/// that kernels of `device` use. Collective over the processes of the job. Throws InputError if the
/// arguments are wrong or there is only one process, and RunError if NCCL cannot be used.
ExitStatus collectives(const CollectivesArguments& arguments, const Device& device,
                       const job::MpiSession& session);

}  // namespace tidemark::commands
