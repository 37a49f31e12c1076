// `tidemark`: starts what a command needs, and ends it in order.
#include <fmt/format.h>
#include <Kokkos_Core.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/accelerator.hpp"
#include "base/device.hpp"
#include "base/error.hpp"
#include "base/standard_streams.hpp"
#include "comm/factory.hpp"
#include "comm/mpi_session.hpp"
#include "comm/peers.hpp"
#include "comm/places.hpp"
#include "comm/watchdog.hpp"
#include "commands/check.hpp"
#include "commands/collectives.hpp"
#include "commands/command_line.hpp"
#include "commands/keys.hpp"
#include "commands/plan.hpp"
#include "commands/run.hpp"
#include "job/launch.hpp"
#include "job/place.hpp"
#include "job/threads.hpp"
#include "kernels/gemm.hpp"

namespace {

using tidemark::ExitStatus;

/// Throws the first of the lines, one of each rank, that is not empty: on all ranks the same, of
/// which one prints it. Collective.
template <class ErrorOfLine>
void throw_on_all_ranks(const std::string& own_line, tidemark::comm::Communicator& world,
                        ErrorOfLine error_of_line) {
  for (const std::string& line : world.gather_bytes(own_line)) {
    if (!line.empty()) throw error_of_line(line);
  }
}

/// Threads of a rank: what the user set, else a fair share of the cores that the launcher gave it.
/// Kokkos and OpenMP read the environment, so the default goes there. Collective, for launchers do
/// not set variables everywhere.
void set_default_threads(int share, const std::vector<char*>& arguments,
                         tidemark::comm::Communicator& world) {
  const auto choice =
      tidemark::job::choose_threads(share, {arguments.begin(), arguments.end()}, std::getenv);
  throw_on_all_ranks(choice.wrong, world,
                     [](const std::string& line) { return tidemark::InputError(line); });
  if (choice.number) setenv("KOKKOS_NUM_THREADS", std::to_string(*choice.number).c_str(), 0);
  setenv("OMP_PROC_BIND", "false", 0);  // the launcher binds; Kokkos would warn on every rank
}

/// The device of this rank; nullopt where kernels run on the host. Where any rank has none, all of
/// them throw the same RunError, of which one prints the line. Collective.
std::optional<int> find_device(const tidemark::comm::MpiSession& session,
                               tidemark::comm::Communicator& world) {
  std::optional<int> device;
  std::string wrong;
  try {
    if (const auto visible = tidemark::accelerator::count_visible()) {
      device = tidemark::accelerator::device_of_rank(session.local_rank(), session.local_size(),
                                                     *visible);
    }
  } catch (const tidemark::RunError& error) {
    wrong = fmt::format("{}: {}", session.processor_name(), error.what());
  }
  throw_on_all_ranks(wrong, world, [](const std::string& line) {
    return tidemark::RunError(line, tidemark::Scope::all_ranks);
  });
  return device;
}

/// Kokkos from start to end, on the device given, unless its own options choose another one.
///
/// It is shown its own options alone, for it takes --help and --threads for them, too, on every
/// rank. `own_arguments` is the rest, with whatever Kokkos did not take: to be refused like any
/// unknown one. `speaks`: Kokkos may warn in this process. On a host it never does: of crowded
/// cores Tidemark speaks itself, once for all ranks.
class KokkosSession {
 public:
  KokkosSession(const std::vector<char*>& arguments, std::optional<int> device, bool speaks) {
    std::string silence = "--kokkos-disable-warnings";
    std::string choice = fmt::format("--kokkos-device-id={}", device.value_or(0));
    std::vector<char*> for_kokkos{arguments.front()};
    for (char* const argument : arguments) {
      const bool is_kokkos = std::string_view(argument).starts_with("--kokkos-");
      (is_kokkos ? for_kokkos : own_arguments).push_back(argument);
    }
    const auto is_given = [&](const char* option) {
      return std::any_of(for_kokkos.begin(), for_kokkos.end(), [&](std::string_view argument) {
        return argument.find(option) != std::string_view::npos;
      });
    };
    if (device && !is_given("device-id")) for_kokkos.push_back(choice.data());
    if (!(speaks && device) && !is_given("disable-warnings") &&
        std::getenv("KOKKOS_DISABLE_WARNINGS") == nullptr) {
      for_kokkos.push_back(silence.data());
    }
    int count = static_cast<int>(for_kokkos.size());
    for_kokkos.push_back(nullptr);
    initialize(count, for_kokkos.data());
    own_arguments.insert(own_arguments.end(), for_kokkos.begin() + 1, for_kokkos.begin() + count);
  }
  ~KokkosSession() { Kokkos::finalize(); }
  KokkosSession(const KokkosSession&) = delete;
  KokkosSession& operator=(const KokkosSession&) = delete;

  std::vector<char*> own_arguments;

 private:
  static void initialize(int& count, char** arguments) {
    try {
      Kokkos::initialize(count, arguments);
    } catch (const std::exception& error) {
      const std::string text = error.what();  // a stack trace may follow the first line
      throw tidemark::InputError("command line: Kokkos: " + text.substr(0, text.find('\n')));
    }
  }
};

/// Ranks that measure different things would meet in calls of different sizes. Options of Kokkos
/// may differ, and so may the program's path. Collective.
void require_same_arguments(const std::vector<char*>& arguments,
                            tidemark::comm::Communicator& world) {
  std::string own;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (!std::string_view(arguments[i]).starts_with("--kokkos-"))
      own += arguments[i] + std::string(1, '\0');
  }
  const std::vector<std::string> all = world.gather_bytes(own);
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all[0]) continue;
    throw tidemark::InputError(
        fmt::format("command line: rank {} was started with other arguments than rank 0", rank));
  }
}

ExitStatus run_command(const std::vector<char*>& arguments,
                       const tidemark::comm::MpiSession& session) {
  const auto world = tidemark::comm::make_communicator(
      {.backend = "mpi",
       .ranks = session.size(),
       .timeout = std::chrono::duration<double>(tidemark::commands::timeout_of(arguments))});
  require_same_arguments(arguments, *world);
  const auto place = tidemark::job::own_place(session.processor_name());
  set_default_threads(tidemark::job::share_of_cores(tidemark::comm::gather_places(place, *world),
                                                    static_cast<std::size_t>(session.rank())),
                      arguments, *world);
  KokkosSession kokkos(arguments, find_device(session, *world), session.rank() == 0);
  tidemark::commands::CommandLine line =
      tidemark::commands::parse(kokkos.own_arguments, session.rank() == 0);
  if (line.done) return *line.done;
  tidemark::Device device;
  if (line.measures_collectives) {
    return tidemark::commands::collectives(line.collectives, device, session);
  }
  line.run.command_line.assign(arguments.begin(), arguments.end());
  line.run.place = place;
  line.run.threads = Kokkos::DefaultHostExecutionSpace().concurrency();
  tidemark::kernels::set_blas_threads(line.run.threads);
  return tidemark::commands::run(line.run, device, session);
}

/// Plans, checks, the list of keys, help and the version need neither MPI nor Kokkos, nor a machine
/// on which these can start.
bool needs_no_job(const std::vector<char*>& arguments) {
  const bool asks = std::any_of(arguments.begin(), arguments.end(), [](std::string_view word) {
    return word == "--help" || word == "-h" || word == "--version";
  });
  if (asks) return true;
  const auto command = std::find_if(arguments.begin() + 1, arguments.end(),
                                    [](const char* word) { return word[0] != '-'; });
  if (command == arguments.end()) return false;
  const std::string_view name = *command;
  return name == "plan" || name == "check" || name == "keys";
}

void print_error(const std::string& line) { tidemark::say_on_stderr(line + "\n"); }

/// In a process that MPI takes for a job of one rank, though it is one of several.
ExitStatus refused(const std::string& line, const tidemark::job::Launch& launch) {
  if (launch.rank == 0) print_error(line);
  return ExitStatus::input_error;
}

ExitStatus guarded(const std::vector<char*>& arguments, const tidemark::comm::MpiSession& session) {
  try {
    return run_command(arguments, session);
  } catch (const tidemark::Error& error) {
    const bool alone = error.scope() == tidemark::Scope::this_rank && session.size() > 1;
    if (alone || session.rank() == 0) {
      print_error(error.what());
    }
    if (alone) {
      session.abort(error.status());
    }
    return error.status();
  } catch (const std::exception& error) {
    print_error(error.what());
    session.abort(ExitStatus::failed);
  }
}

/// Plans, checks, lists keys, or says what was asked for, in one process.
ExitStatus command_without_job(const std::vector<char*>& arguments,
                               const tidemark::job::Launch& launch) {
  const bool speaks = launch.rank == 0;
  try {
    tidemark::commands::CommandLine line = tidemark::commands::parse(arguments, speaks);
    if (line.done || !speaks) return line.done.value_or(ExitStatus::good);
    if (line.checks) return tidemark::commands::check(line.check);
    if (line.lists_keys) return tidemark::commands::keys(line.keys);
    if (line.plan.lists_presets) return tidemark::commands::list_presets();
    line.plan.command_line.assign(arguments.begin(), arguments.end());
    return tidemark::commands::plan(line.plan);
  } catch (const tidemark::Error& error) {
    if (speaks) print_error(error.what());
    return error.status();
  }
}

}  // namespace

int main(int argc, char** argv) {
  tidemark::keep_standard_descriptors_open();
  try {
    const std::vector<char*> arguments(argv, argv + argc);
    const tidemark::job::Launch launch = tidemark::job::launch_of(std::getenv);
    if (needs_no_job(arguments)) return static_cast<int>(command_without_job(arguments, launch));
    tidemark::comm::Watchdog watch(
        std::chrono::duration<double>(tidemark::commands::timeout_of(arguments)),
        launch.launcher.empty() ? -1 : launch.rank);
    watch.set_explanation(tidemark::comm::stopped_siblings);
    const tidemark::comm::MpiSession session(tidemark::comm::MpiThreads::serialized, &watch);
    const std::string singletons =
        tidemark::job::singleton_line(launch, session.size(), session.library_version());
    if (!singletons.empty()) return static_cast<int>(refused(singletons, launch));
    return static_cast<int>(guarded(arguments, session));
  } catch (const std::exception& error) {
    print_error(error.what());
    return static_cast<int>(ExitStatus::failed);
  }
}
