// SPDX-License-Identifier: BSD-3-Clause
// `tidemark`: a command of this process alone, or of all ranks of a job.
#include <chrono>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/standard_streams.hpp"
#include "cli/command_line.hpp"
#include "cli/job_command.hpp"
#include "cli/local_command.hpp"
#include "job/launch.hpp"
#include "job/mpi_session.hpp"
#include "job/peers.hpp"
#include "job/watchdog.hpp"

namespace {

using tidemark::ExitStatus;

ExitStatus start(const std::vector<char*>& arguments) {
  const tidemark::job::Launch launch = tidemark::job::launch_of(std::getenv);
  if (tidemark::cli::is_local(arguments)) return tidemark::cli::run_locally(arguments, launch);
  tidemark::job::Watchdog watch(std::chrono::duration<double>(tidemark::cli::timeout_of(arguments)),
                                launch.launcher.empty() ? -1 : launch.rank);
  watch.set_explanation(tidemark::job::stopped_siblings);
  const tidemark::job::MpiSession session(tidemark::job::MpiThreads::serialized, &watch);
  // A process that MPI takes for a job of one rank, though it is one of several.
  const std::string singletons =
      tidemark::job::singleton_line(launch, session.size(), session.library_version());
  if (singletons.empty()) return tidemark::cli::run_in_job(arguments, session);
  if (launch.rank == 0) tidemark::print_error(singletons);
  return ExitStatus::input_error;
}

}  // namespace

int main(int argc, char** argv) {
  tidemark::keep_standard_descriptors_open();
  try {
    return static_cast<int>(start({argv, argv + argc}));
  } catch (const std::exception& error) {
    tidemark::print_error(error.what());
    return static_cast<int>(ExitStatus::failed);
  }
}
