// SPDX-License-Identifier: BSD-3-Clause
// What the user asks of the program, in words.
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
  std::optional<ExitStatus> done;  ///< help or the version was asked for: nothing is left to do
  bool checks = false;
  bool measures_collectives = false;
  bool lists_keys = false;
  commands::CollectivesArguments collectives;
  commands::RunArguments run;
  commands::PlanArguments plan;
  commands::CheckArguments check;
  commands::KeysArguments keys;
};

/// Throws InputError for what cannot be parsed. `speaks`: this process prints help, where that is
/// asked for. `arguments` holds no options of Kokkos.
CommandLine parse(const std::vector<char*>& arguments, bool speaks);

/// Seconds of --timeout, which is needed before there is anybody to parse the command line for; the
/// default where there is none, or a wrong one, which `parse` refuses later.
double timeout_of(const std::vector<char*>& arguments);

}  // namespace tidemark::cli
