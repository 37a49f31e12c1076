// The command line of `tidemark`.
#include <CLI/CLI.hpp>
#include <Kokkos_Core.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/device.hpp"
#include "base/error.hpp"
#include "comm/cores.hpp"
#include "comm/mpi_session.hpp"
#include "commands/run.hpp"
#include "kernels/gemm.hpp"
#include "tidemark_version.hpp"

namespace {

using tidemark::ExitStatus;

// Threads of a rank: what the user set, else a fair share of the cores it may use. Kokkos and
// OpenMP read the environment, so the default goes there.
void set_default_threads() {
  if (std::getenv("OMP_NUM_THREADS") == nullptr) {
    setenv("KOKKOS_NUM_THREADS", std::to_string(tidemark::comm::fair_share_of_cores()).c_str(), 0);
  }
  setenv("OMP_PROC_BIND", "false", 0);  // the launcher binds; Kokkos would warn on every rank
}

/// The command line without Kokkos's options, each list led by the program's name.
struct Options {
  std::vector<char*> own, kokkos;
};

// Kokkos is shown its own options alone: it takes --help and --threads for them, too, on every rank.
Options separate(int argc, char** argv) {
  Options options{{argv[0]}, {argv[0]}};
  for (int i = 1; i < argc; ++i) {
    const bool for_kokkos = std::string_view(argv[i]).starts_with("--kokkos-");
    (for_kokkos ? options.kokkos : options.own).push_back(argv[i]);
  }
  return options;
}

void initialize_kokkos(Options& options) {
  int count = static_cast<int>(options.kokkos.size());
  options.kokkos.push_back(nullptr);
  Kokkos::initialize(count, options.kokkos.data());
  // What it did not take is unknown to it, and has to be refused like any unknown option.
  options.own.insert(options.own.end(), options.kokkos.begin() + 1, options.kokkos.begin() + count);
}

ExitStatus run_command(const Options& options, const std::vector<std::string>& command_line,
                       const tidemark::comm::MpiSession& session) {
  CLI::App app{"Tidemark: activation high-water marks and overlap of a sharded transformer stack"};
  app.name("tidemark");
  app.set_version_flag("--version", fmt::format("tidemark {} ({})", tidemark::build_info::version,
                                                tidemark::build_info::git_hash));
  app.require_subcommand(0, 1);  // none is refused below: CLI11 would not name a wrong one
  app.footer("Options that begin with --kokkos- go to Kokkos.");

  tidemark::commands::RunArguments run;
  CLI::App* const run_app = app.add_subcommand("run", "Run and measure every case of an input");
  run_app->add_option("FILE", run.input, "YAML input")->required();
  run_app->add_option("--set", run.overrides, "Override a setting, KEY=VALUE; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  run_app->add_option("--output", run.output, "Append one JSON record a case to this file")
      ->type_name("FILE.jsonl");
  run_app->add_option("--dump", run.dump, "Write every rank's tensors as NumPy files")
      ->type_name("DIR");
  run_app->add_flag("--progress", run.progress, "Show progress even when stderr is no terminal");

  run.command_line = command_line;
  try {
    app.parse(static_cast<int>(options.own.size()), options.own.data());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help and --version
      return session.rank() == 0 ? static_cast<ExitStatus>(app.exit(error)) : ExitStatus::good;
    }
    throw tidemark::InputError(fmt::format("command line: {}; see tidemark --help", error.what()));
  }
  if (!run_app->parsed()) {
    throw tidemark::InputError("command line: a command is needed: run; see tidemark --help");
  }
  tidemark::Device device;
  run.threads = device.exec.concurrency();
  tidemark::kernels::set_blas_threads(run.threads);
  return tidemark::commands::run(run, device, session);
}

void print_error(const char* line) {
  std::fflush(stdout);
  fmt::print(stderr, "{}\n", line);
}

ExitStatus guarded(const Options& options, const std::vector<std::string>& command_line,
                   const tidemark::comm::MpiSession& session) {
  try {
    return run_command(options, command_line, session);
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

}  // namespace

int main(int argc, char** argv) {
  try {
    const tidemark::comm::MpiSession session;
    set_default_threads();
    const std::vector<std::string> command_line(argv, argv + argc);
    Options options = separate(argc, argv);
    initialize_kokkos(options);
    const ExitStatus status = guarded(options, command_line, session);
    Kokkos::finalize();
    return static_cast<int>(status);
  } catch (const std::exception& error) {
    print_error(error.what());
    return static_cast<int>(ExitStatus::failed);
  }
}
