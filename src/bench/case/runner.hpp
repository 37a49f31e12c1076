// SPDX-License-Identifier: BSD-3-Clause
// Runs one case from its settings to its figures.
#pragma once

#include <filesystem>
#include <optional>

#include "bench/result.hpp"
#include "bench/run_context.hpp"
#include "config/case.hpp"

namespace tidemark::bench {

/// Makes the stack of `c`, verifies it and measures it. Collective over all processes of the job.
/// If `dump_folder` is given, it must exist, and this rank's tensors are written into it.
///
/// Throws Interrupted on all ranks if a rank got a signal and the case does not end within the
/// patience of base/interruption.hpp. Throws RunError if the case cannot be carried out. If the
/// case does not fit into memory, it throws RunError on all ranks before it allocates the case.
CaseResult run_case(const config::Case& c, const RunContext& run,
                    const std::optional<std::filesystem::path>& dump_folder);

}  // namespace tidemark::bench
