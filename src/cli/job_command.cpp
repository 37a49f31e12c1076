// SPDX-License-Identifier: BSD-3-Clause
#include "cli/job_command.hpp"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include <Kokkos_Core.hpp>
#include <fmt/format.h>

#include "base/accelerator.hpp"
#include "base/device.hpp"
#include "base/standard_streams.hpp"
#include "cli/command_line.hpp"
#include "cli/kokkos_session.hpp"
#include "comm/factory.hpp"
#include "comm/places.hpp"
#include "commands/collectives.hpp"
#include "commands/run.hpp"
#include "job/place.hpp"
#include "job/threads.hpp"
#include "kernels/gemm.hpp"

namespace tidemark::cli {

namespace {

/// Each rank has a line, which is empty if all is well. Throws the first line that is not empty on
/// all ranks, and one of them prints it. Collective.
template <class ErrorOfLine>
void throw_on_all_ranks(const std::string& own_line, comm::Communicator& world,
                        ErrorOfLine error_of_line) {
  for (const std::string& line : world.gather_bytes(own_line)) {
    if (!line.empty()) throw error_of_line(line);
  }
}

/// Sets the number of threads of a rank, which Kokkos and OpenMP read from the environment. It is
/// the number that the user asked for. Otherwise it is `share`, the rank's part of the cores that
/// the launcher gave to the job. Collective, because some launchers set variables on some ranks
/// only.
void set_default_threads(int share, const std::vector<char*>& arguments,
                         comm::Communicator& world) {
  const auto choice = job::choose_threads(share, {arguments.begin(), arguments.end()}, std::getenv);
  throw_on_all_ranks(choice.wrong, world, [](const std::string& line) { return InputError(line); });
  if (choice.number) setenv("KOKKOS_NUM_THREADS", std::to_string(*choice.number).c_str(), 0);
  setenv("OMP_PROC_BIND", "false", 0);  // the launcher binds; Kokkos would warn on every rank
}

/// The device of this rank; nullopt if kernels run on the host. If any rank has no device, all
/// ranks throw the same RunError, and one of them prints the line. Collective.
std::optional<int> find_device(const job::MpiSession& session, comm::Communicator& world) {
  std::optional<int> device;
  std::string wrong;
  try {
    if (const auto visible = accelerator::count_visible()) {
      device = accelerator::device_of_rank(session.local_rank(), session.local_size(), *visible);
    }
  } catch (const RunError& error) {
    wrong = fmt::format("{}: {}", session.processor_name(), error.what());
  }
  throw_on_all_ranks(wrong, world,
                     [](const std::string& line) { return RunError(line, Scope::all_ranks); });
  return device;
}

/// Ranks with different arguments would issue calls of different sizes. The program's path and the
/// options of Kokkos may differ. Collective.
void require_same_arguments(const std::vector<char*>& arguments, comm::Communicator& world) {
  std::string own;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (!std::string_view(arguments[i]).starts_with("--kokkos-"))
      own += arguments[i] + std::string(1, '\0');
  }
  const std::vector<std::string> all = world.gather_bytes(own);
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all[0]) continue;
    throw InputError(
        fmt::format("command line: rank {} was started with other arguments than rank 0", rank));
  }
}

ExitStatus run_command(const std::vector<char*>& arguments, const job::MpiSession& session) {
  const auto world =
      comm::make_communicator({.backend = comm::Backend::mpi,
                               .ranks = session.size(),
                               .timeout = std::chrono::duration<double>(timeout_of(arguments))});
  require_same_arguments(arguments, *world);
  const auto place = job::own_place(session.processor_name());
  set_default_threads(job::share_of_cores(comm::gather_places(place, *world),
                                          static_cast<std::size_t>(session.rank())),
                      arguments, *world);
  KokkosSession kokkos(arguments, find_device(session, *world), session.rank() == 0);
  CommandLine line = parse(kokkos.own_arguments(), session.rank() == 0);
  if (line.done) return *line.done;
  Device device;
  if (line.measures_collectives) return commands::collectives(line.collectives, device, session);
  line.run.command_line.assign(arguments.begin(), arguments.end());
  line.run.place = place;
  line.run.threads = Kokkos::DefaultHostExecutionSpace().concurrency();
  kernels::set_blas_threads(line.run.threads);
  return commands::run(line.run, device, session, *world);
}

}  // namespace

ExitStatus run_in_job(const std::vector<char*>& arguments, const job::MpiSession& session) {
  try {
    return run_command(arguments, session);
  } catch (const Error& error) {
    const bool alone = error.scope() == Scope::this_rank && session.size() > 1;
    if (alone || session.rank() == 0) print_error(error.what());
    if (alone) session.abort(error.status());
    return error.status();
  } catch (const std::exception& error) {
    print_error(error.what());
    session.abort(ExitStatus::failed);
  }
}

}  // namespace tidemark::cli
