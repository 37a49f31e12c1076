// `tidemark collectives`: every collective by itself, by every algorithm.
#pragma once

#include <string>

#include "base/error.hpp"
#include "comm/mpi_session.hpp"

namespace tidemark::commands {

struct CollectivesArguments {
  std::string smallest = "4KiB";
  std::string largest = "64MiB";
  std::string precision = "fp32";
  int repeats = 15;
  double timeout_s = 60.0;
};

/// Prints a table of times and bandwidths by nccl-tests' formulas; collective over the processes of
/// the job. Throws InputError where the arguments are wrong or there is one process only.
ExitStatus collectives(const CollectivesArguments& arguments, const comm::MpiSession& session);

}  // namespace tidemark::commands
