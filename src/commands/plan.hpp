// SPDX-License-Identifier: BSD-3-Clause
// `tidemark plan`: makes a dry run of every case of an input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace tidemark::commands {

/// The arguments of `tidemark plan`.
struct PlanArguments {
  bool lists_presets = false;  ///< does nothing else, and needs no input
  std::string input;
  std::vector<std::string> overrides;        ///< of --set, KEY=VALUE each
  std::optional<std::string> output;         ///< results file, appended to
  std::optional<std::string> device_memory;  ///< as given: "80GB"
  std::optional<std::string> device;         ///< by name: "h100-80gb"; excludes device_memory
  std::optional<int> ranks_per_node;         ///< for the bytes within and between nodes
  std::vector<std::string> command_line;
};

/// Predicts all cases and prints them side by side. Works for any t, in this process only, without
/// MPI, without a device, and without allocating what it plans. Throws InputError and RunError.
ExitStatus plan(const PlanArguments& arguments);

/// Prints the shapes that `model.preset` knows; needs no input.
ExitStatus list_presets();

}  // namespace tidemark::commands
