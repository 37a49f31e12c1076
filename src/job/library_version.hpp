// What an MPI library says about itself, in the text of MPI_Get_library_version.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::job {

/// The first line of `text` that is not empty: "MPICH Version: 4.0.2". White space at its ends is
/// gone, and white space inside it, MPICH's tabs among it, is one space.
std::string first_line_of(std::string_view text);

/// The value behind "KEY:" at the start of a line, trimmed in the same way; nullopt where no line
/// has the key. MPICH describes itself in such lines: "MPICH Device:<tab>ch4:ucx".
std::optional<std::string> value_in(std::string_view text, std::string_view key);

}  // namespace tidemark::job
