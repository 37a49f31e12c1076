// Where all ranks of a job stand.
#pragma once

#include <vector>

#include "comm/communicator.hpp"
#include "job/place.hpp"

namespace tidemark::comm {

/// Every rank's place, by rank, on every rank. Collective.
std::vector<job::Place> gather_places(const job::Place& own, Communicator& communicator);

}  // namespace tidemark::comm
