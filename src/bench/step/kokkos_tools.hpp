// SPDX-License-Identifier: BSD-3-Clause
// Finds profiling tools that change what they measure.
#pragma once

#include <string>

namespace tidemark::bench {

/// The file of a loaded Kokkos tool that fences every kernel; empty if there is none. Kokkos adds a
/// global fence around every kernel unless the tool defines `kokkosp_request_tool_settings`. With
/// these fences nothing overlaps.
std::string fencing_tool();

}  // namespace tidemark::bench
