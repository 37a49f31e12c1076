// SPDX-License-Identifier: BSD-3-Clause
// `tidemark collectives`: every collective by itself, by every algorithm.
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
  std::string backend = "auto";  ///< mpi or nccl alone; auto: what runs take here, and MPI
  int repeats = 15;
  double timeout_s = 60.0;
};

/// Prints a table of times and bandwidths by nccl-tests' formulas, on buffers in the memory that
/// kernels of `device` work on; collective over the processes of the job. Throws InputError where
/// the arguments are wrong or there is one process only, RunError where NCCL cannot be used.
ExitStatus collectives(const CollectivesArguments& arguments, const Device& device,
                       const job::MpiSession& session);

}  // namespace tidemark::commands
