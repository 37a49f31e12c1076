// SPDX-License-Identifier: BSD-3-Clause
// The parsed command line.
#pragma once

#include <optional>
#include <vector>

#include "base/error.hpp"
#include "commands/check.hpp"
#include "commands/collectives.hpp"
#include "commands/keys.hpp"
#include "commands/plan.hpp"
#include "commands/run.hpp"

namespace tidemark::cli {

/// What the command line asks for.
struct CommandLine {
  std::optional<ExitStatus> done;  ///< set if help or the version was asked for, so that nothing is
                                   ///< left to do
  bool checks = false;
  bool measures_collectives = false;
  bool lists_keys = false;
  commands::CollectivesArguments collectives;
  commands::RunArguments run;
  commands::PlanArguments plan;
  commands::CheckArguments check;
  commands::KeysArguments keys;
};

/// Throws InputError if the arguments cannot be parsed. `speaks`: this process prints help if that
/// is asked for. `arguments` must not contain options of Kokkos.
CommandLine parse(const std::vector<char*>& arguments, bool speaks);

/// Seconds of --timeout, which is needed before `parse` can run. It is the default if the option is
/// missing or wrong; `parse` refuses a wrong one later.
double timeout_of(const std::vector<char*>& arguments);

}  // namespace tidemark::cli
