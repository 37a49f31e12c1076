// SPDX-License-Identifier: BSD-3-Clause
#include "cli/command_line.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "tidemark_version.hpp"

namespace tidemark::cli {

namespace {

void add_timeout(CLI::App& app, double& timeout_s) {
  app.add_option("--timeout", timeout_s,
                 "Seconds after which a call of start-up, or MPI's end, counts as failed")
      ->check(CLI::Range(1e-3, 1e9))
      ->type_name("SECONDS")
      ->capture_default_str();
}

/// Returns the option of the input file.
CLI::Option* add_settings(CLI::App& app, std::string& input, std::vector<std::string>& overrides,
                          std::optional<std::string>& output) {
  CLI::Option* const file = app.add_option("FILE", input, "YAML input")->required();
  app.add_option("--set", overrides, "Override a setting, KEY=VALUE; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--output", output, "Append one JSON record per case to this file")
      ->type_name("FILE.jsonl");
  return file;
}

void add_run(CLI::App& app, CommandLine& line) {
  CLI::App* const run = app.add_subcommand("run", "Run and measure every case of an input");
  add_settings(*run, line.run.input, line.run.overrides, line.run.output);
  run->add_option("--trace", line.run.trace, "Write one step of every case for Perfetto")
      ->type_name("FILE.json");
  run->add_option("--dump", line.run.dump, "Write every rank's tensors as NumPy files")
      ->type_name("DIR");
  run->add_flag("--resume", line.run.resume,
                "Skip cases that have a valid record in the file of --output");
  run->add_flag("--progress", line.run.progress, "Show progress even when stderr is no terminal");
  add_timeout(*run, line.run.timeout_s);
}

void add_plan(CLI::App& app, CommandLine& line) {
  CLI::App* const plan =
      app.add_subcommand("plan", "Predict every case of an input; needs neither MPI nor a device");
  CLI::Option* const input =
      add_settings(*plan, line.plan.input, line.plan.overrides, line.plan.output);
  CLI::Option* const size =
      plan->add_option("--device-memory", line.plan.device_memory,
                       "Say whether training fits into this much memory per rank")
          ->type_name("SIZE");
  plan->add_option("--device", line.plan.device,
                   "The same for a device by name, with the memory that its driver reports")
      ->type_name("NAME")
      ->excludes(size);
  plan->add_option("--ranks-per-node", line.plan.ranks_per_node,
                   "Say what travels within nodes of so many ranks, and what between them")
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N");
  // CLI11 checks required options after it has run the callbacks of the options that were given.
  plan->add_flag_callback(
          "--list-presets",
          [&line, input] {
            line.plan.lists_presets = true;
            input->required(false);
          },
          "List the published shapes that model.preset knows, and do nothing else")
      ->excludes(input);
}

CLI::App* add_check(CLI::App& app, CommandLine& line) {
  CLI::App* const check = app.add_subcommand(
      "check",
      "Hold records against the criteria of an acceptance; needs neither MPI nor a device");
  check->add_option("RESULTS", line.check.results, "Records, as --output wrote them")->required();
  check->add_option("--criteria", line.check.criteria, "What to ask of them, YAML")
      ->type_name("FILE.yaml")
      ->required();
  return check;
}

CLI::App* add_keys(CLI::App& app, CommandLine& line) {
  CLI::App* const keys = app.add_subcommand(
      "keys", "List every key of an input and its meaning; needs neither MPI nor a device");
  keys->add_flag("--markdown", line.keys.markdown,
                 "Print one Markdown table, that of docs/settings.md");
  return keys;
}

CLI::App* add_collectives(CLI::App& app, CommandLine& line) {
  CLI::App* const collectives = app.add_subcommand(
      "collectives",
      "Measure the collectives by themselves, by every algorithm, where activations lie");
  collectives->add_option("--min", line.collectives.smallest, "Smallest message")
      ->type_name("SIZE")
      ->capture_default_str();
  collectives->add_option("--max", line.collectives.largest, "Largest message, by steps of 4")
      ->type_name("SIZE")
      ->capture_default_str();
  collectives->add_option("--precision", line.collectives.precision, "Element type")
      ->capture_default_str();
  collectives
      ->add_option("--backend", line.collectives.backend,
                   "Library: mpi, nccl, or auto: NCCL where runs take it, and MPI beside it")
      ->capture_default_str();
  collectives->add_option("--repeats", line.collectives.repeats, "Calls of each")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  add_timeout(*collectives, line.run.timeout_s);  // the same option, which timeout_of reads
  return collectives;
}

}  // namespace

CommandLine parse(const std::vector<char*>& arguments, bool speaks) {
  CommandLine line;
  CLI::App app{"Tidemark: activation high-water marks and overlap of a sharded transformer stack"};
  app.name("tidemark");
  app.set_version_flag("--version",
                       fmt::format("tidemark {} ({})", build_info::version, build_info::git_hash));
  // A missing command is refused below, because CLI11 would not name a wrong one.
  app.require_subcommand(0, 1);
  app.footer("Options that begin with --kokkos- go to Kokkos.");
  add_run(app, line);
  add_plan(app, line);
  const CLI::App* const check = add_check(app, line);
  const CLI::App* const keys = add_keys(app, line);
  const CLI::App* const collectives = add_collectives(app, line);

  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help and --version
      line.done = speaks ? static_cast<ExitStatus>(app.exit(error)) : ExitStatus::good;
      return line;
    }
    throw InputError(fmt::format("command line: {}; see tidemark --help", error.what()));
  }
  line.checks = check->parsed();
  line.measures_collectives = collectives->parsed();
  line.lists_keys = keys->parsed();
  if (app.get_subcommands().empty()) {
    throw InputError(
        "command line: a command is needed: run, plan, check, collectives or keys; "
        "see tidemark --help");
  }
  return line;
}

double timeout_of(const std::vector<char*>& arguments) {
  constexpr std::string_view option = "--timeout";
  double seconds = 0.0;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word == option && i + 1 < arguments.size()) seconds = std::atof(arguments[i + 1]);
    if (word.starts_with("--timeout=")) seconds = std::atof(word.data() + option.size() + 1);
  }
  return seconds > 0.0 ? seconds : commands::RunArguments().timeout_s;
}

}  // namespace tidemark::cli
