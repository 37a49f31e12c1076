// From one rank's figures to those of all.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bench/result.hpp"
#include "comm/communicator.hpp"
#include "comm/counters.hpp"

namespace tidemark::bench {

/// The largest value of any rank; of those that are known, nullopt where none is. Collective, like
/// all below.
std::int64_t largest(std::int64_t value, comm::Communicator& communicator);
std::optional<std::int64_t> largest_known(std::optional<std::int64_t> value,
                                          comm::Communicator& communicator);

/// The figures that may differ between ranks become those of the largest.
void take_largest(MemoryFigures& figures, comm::Communicator& communicator);

/// Collectives of a step: counts of this rank, times as means over `steps` steps and all ranks.
std::vector<CallLine> mean_calls(const comm::Counters& counters, int steps,
                                 comm::Communicator& communicator);

/// Every rank's detail, by rank, on every rank.
std::vector<RankDetail> gather_details(const RankDetail& own, comm::Communicator& communicator);

/// Every rank's trace, by rank, on every rank.
std::vector<StepTrace> gather_traces(const StepTrace& own, comm::Communicator& communicator);

}  // namespace tidemark::bench
