// SPDX-License-Identifier: BSD-3-Clause
// Programs that have one fault each, or none. A test checks how they end.
#pragma once

#include <string>

namespace tidemark::doubles {

/// Runs the scenario on all ranks, as `tidemark run` would: an error is one line, and ends the job
/// with its status. Returns the exit status. MPI must be running.
int play(const std::string& scenario);

}  // namespace tidemark::doubles
