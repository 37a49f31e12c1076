// Runs one case from its settings to its figures.
#pragma once

#include <filesystem>
#include <optional>

#include "bench/environment.hpp"
#include "bench/result.hpp"
#include "config/case.hpp"

namespace tidemark::bench {

/// Builds the stack of `c`, verifies it, measures it; collective over all processes of the job.
/// `dump_folder`, where given, receives this rank's tensors and must exist.
///
/// Throws Interrupted, on all ranks, where one has had a signal and the case does not end within
/// the patience of base/interruption.hpp; RunError where the case does not fit into memory (before
/// it is allocated, on all ranks alike) or cannot be carried out.
CaseResult run_case(const config::Case& c, const Environment& environment,
                    const std::optional<std::filesystem::path>& dump_folder);

}  // namespace tidemark::bench
