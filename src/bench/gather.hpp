// SPDX-License-Identifier: BSD-3-Clause
// Combines the figures of one rank into those of all ranks.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bench/result.hpp"
#include "comm/communicator.hpp"
#include "comm/counters.hpp"

namespace tidemark::bench {

/// The largest value over all ranks. `largest_known` ignores unknown values, and returns nullopt if
/// all are unknown. Collective, like all functions below.
std::int64_t largest(std::int64_t value, comm::Communicator& communicator);
std::optional<std::int64_t> largest_known(std::optional<std::int64_t> value,
                                          comm::Communicator& communicator);

/// Replaces the figures that may differ between ranks by the largest of all ranks.
void take_largest(MemoryFigures& figures, comm::Communicator& communicator);

/// Collectives of a step: counts of this rank, and times as means over `steps` steps and all ranks.
std::vector<CallLine> mean_calls(const comm::Counters& counters, int steps,
                                 comm::Communicator& communicator);

/// Returns the details of all ranks, by rank, on every rank.
std::vector<RankDetail> gather_details(const RankDetail& own, comm::Communicator& communicator);

/// Returns the traces of all ranks, by rank, on every rank.
std::vector<StepTrace> gather_traces(const StepTrace& own, comm::Communicator& communicator);

}  // namespace tidemark::bench
