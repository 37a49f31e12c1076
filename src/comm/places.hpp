// SPDX-License-Identifier: BSD-3-Clause
// The places of all ranks of a job.
#pragma once

#include <vector>

#include "comm/communicator.hpp"
#include "job/place.hpp"

namespace tidemark::comm {

/// Returns the places of all ranks, by rank, on every rank. Collective.
std::vector<job::Place> gather_places(const job::Place& own, Communicator& communicator);

}  // namespace tidemark::comm
