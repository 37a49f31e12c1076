// SPDX-License-Identifier: BSD-3-Clause
// The files that a command line names.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tidemark::commands {

/// A file and the option that names it, in the words of an error line: "--output".
struct NamedFile {
  std::string option;
  std::optional<std::string> path;
};

/// Throws InputError where an option names nothing, or two of them the same file, by whatever
/// links: one would overwrite the other. Devices and pipes may be named twice.
void require_distinct(const std::vector<NamedFile>& files);

}  // namespace tidemark::commands
