// SPDX-License-Identifier: BSD-3-Clause
// Programs that each have one fault, or none, for the test that looks at how they end.
#pragma once

#include <string>

namespace tidemark::doubles {

/// Carries the scenario out on all ranks, as `tidemark run` would: an error is one line, and ends
/// the job with its status. Returns the exit status. MPI must be running.
int play(const std::string& scenario);

}  // namespace tidemark::doubles
