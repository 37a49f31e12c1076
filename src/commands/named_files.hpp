// SPDX-License-Identifier: BSD-3-Clause
// The files that a command line names.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tidemark::commands {

/// A file and the option that names it. `option` is the text for error lines: "--output".
struct NamedFile {
  std::string option;
  std::optional<std::string> path;
};

/// Throws InputError if an option names no file, or if two options name the same file, even through
/// links. One option would overwrite the file of the other. Devices and pipes may be named twice.
void require_distinct(const std::vector<NamedFile>& files);

}  // namespace tidemark::commands
