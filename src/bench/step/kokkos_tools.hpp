// Profiling tools that change what they watch.
#pragma once

#include <string>

namespace tidemark::bench {

/// Where a Kokkos tool is loaded that has every kernel fenced: its file. A tool that does not say
/// otherwise by `kokkosp_request_tool_settings` gets a global fence around every kernel, so that
/// nothing overlaps. Empty where there is none.
std::string fencing_tool();

}  // namespace tidemark::bench
