// SPDX-License-Identifier: BSD-3-Clause
#include "comm/places.hpp"

namespace tidemark::comm {

std::vector<job::Place> gather_places(const job::Place& own, Communicator& communicator) {
  std::vector<job::Place> places;
  for (const std::string& bytes : communicator.gather_bytes(job::bytes_of(own))) {
    places.push_back(job::place_in(bytes));
  }
  return places;
}

}  // namespace tidemark::comm
