// SPDX-License-Identifier: BSD-3-Clause
// `tidemark keys`: prints every key of the input.
#pragma once

#include "base/error.hpp"

namespace tidemark::commands {

/// The arguments of `tidemark keys`.
struct KeysArguments {
  bool markdown = false;  ///< print the table of docs/settings.md
};

/// Prints every YAML key with its type, accepted values, default and meaning. Runs in this process
/// only, without MPI and without a device.
ExitStatus keys(const KeysArguments& arguments);

}  // namespace tidemark::commands
