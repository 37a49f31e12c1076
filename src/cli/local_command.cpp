// SPDX-License-Identifier: BSD-3-Clause
#include "cli/local_command.hpp"

#include <algorithm>
#include <string_view>

#include "base/standard_streams.hpp"
#include "cli/command_line.hpp"
#include "commands/check.hpp"
#include "commands/keys.hpp"
#include "commands/plan.hpp"

namespace tidemark::cli {

bool is_local(const std::vector<char*>& arguments) {
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

ExitStatus run_locally(const std::vector<char*>& arguments, const job::Launch& launch) {
  const bool speaks = launch.rank == 0;
  try {
    CommandLine line = parse(arguments, speaks);
    if (line.done || !speaks) return line.done.value_or(ExitStatus::good);
    if (line.checks) return commands::check(line.check);
    if (line.lists_keys) return commands::keys(line.keys);
    if (line.plan.lists_presets) return commands::list_presets();
    line.plan.command_line.assign(arguments.begin(), arguments.end());
    return commands::plan(line.plan);
  } catch (const Error& error) {
    if (speaks) print_error(error.what());
    return error.status();
  }
}

}  // namespace tidemark::cli
