// SPDX-License-Identifier: BSD-3-Clause
// Reads what an MPI library tells about itself in MPI_Get_library_version.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::job {

/// The first line of `text` that is not empty, such as "MPICH Version: 4.0.2". White space at its
/// ends is removed. White space inside it, such as MPICH's tabs, becomes one space.
std::string first_line_of(std::string_view text);

/// The value after "KEY:" at the start of a line, trimmed in the same way; nullopt if no line has
/// the key. MPICH describes itself in such lines: "MPICH Device:<tab>ch4:ucx".
std::optional<std::string> value_in(std::string_view text, std::string_view key);

}  // namespace tidemark::job
