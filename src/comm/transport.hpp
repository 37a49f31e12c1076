// What carries the messages between the ranks, as far as that can be known.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "comm/mpi_session.hpp"

namespace tidemark::comm {

/// Of Open MPI, which loads every component as a library of its own and unloads those that it does
/// not use. Between two ranks it takes shared memory where they are on one node, whatever else is
/// there (its rule of exclusivity).
struct Transport {
  std::optional<std::string> messaging;      ///< point-to-point layer: ob1, ucx, cm
  std::vector<std::string> components;       ///< that are loaded and might carry bytes
  std::optional<std::string> within_node;    ///< vader (shared memory), tcp, ...
  std::optional<std::string> between_nodes;  ///< likewise
};

/// Of this process; nothing is known under an MPI that does not load components.
Transport transport_of(const MpiSession& session);

/// The same from the files that a process has loaded.
Transport transport_from(const std::vector<std::string>& libraries, bool has_neighbours,
                         bool has_other_nodes);

}  // namespace tidemark::comm
