// What carries the messages between the ranks, as far as that can be known.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/mpi_session.hpp"

namespace tidemark::job {

/// Names are those of the MPI library.
///
/// Open MPI's ob1 takes shared memory between two ranks of one node, whatever else is there (its
/// rule of exclusivity). MPICH's ch4 does the same, unless it is built or told otherwise.
struct MpiComponents {
  std::optional<std::string> messaging;      ///< point-to-point layer: ob1, ucx, cm; ch4:ofi
  std::vector<std::string> components;       ///< that are there and might carry bytes
  std::optional<std::string> within_node;    ///< vader, sm, posix (shared memory), tcp, ...
  std::optional<std::string> between_nodes;  ///< likewise
  std::string known_by;                      ///< the evidence, in words; empty without messaging
};

/// Which ranks the job has beside this one.
struct Neighbourhood {
  bool has_neighbours = false;   ///< on this node
  bool has_other_nodes = false;  ///< on other nodes
};

/// Of this process; nothing is known under an MPI that is neither Open MPI nor MPICH.
MpiComponents mpi_components_of(const MpiSession& session);

/// Of an Open MPI whose components are files of their own, as Open MPI 4's are: it unloads those
/// that it does not use. `libraries` are the files that the process has loaded.
MpiComponents components_from(const std::vector<std::string>& libraries,
                              const Neighbourhood& ranks);

/// Of an Open MPI whose components are part of the library, as Open MPI 5's are: it withdraws the
/// control variables of those that it does not use. `variables` are the names of all that MPI_T
/// lists, such as "btl_tcp_links".
MpiComponents components_from_variables(const std::vector<std::string>& variables,
                                        const Neighbourhood& ranks);

/// Of MPICH, by its description of itself. `avoids_shared_memory`: it was told so
/// (MPIR_CVAR_NOLOCAL), and takes the network between ranks of a node, too.
MpiComponents components_from_description(std::string_view description, const Neighbourhood& ranks,
                                          bool avoids_shared_memory);

}  // namespace tidemark::job
