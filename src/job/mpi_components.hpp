// SPDX-License-Identifier: BSD-3-Clause
// Which components carry the messages between the ranks, as far as this can be known.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/mpi_session.hpp"

namespace tidemark::job {

/// The MPI library's names of its components.
///
/// Open MPI's ob1 always uses shared memory between two ranks of a node (its rule of exclusivity).
/// MPICH's ch4 does the same, unless its build or a setting excludes it.
struct MpiComponents {
  std::optional<std::string> messaging;      ///< point-to-point layer: ob1, ucx, cm; ch4:ofi
  std::vector<std::string> components;       ///< available components that might carry messages
  std::optional<std::string> within_node;    ///< vader, sm, posix (shared memory), tcp, ...
  std::optional<std::string> between_nodes;  ///< tcp and other networks; the same names as above
  std::string known_by;                      ///< how this is known; empty without messaging
};

/// The other ranks of the job, relative to this one.
struct Neighbourhood {
  bool has_neighbours = false;   ///< other ranks on this node
  bool has_other_nodes = false;  ///< ranks on other nodes
};

/// The components of this process. Nothing is known for an MPI that is neither Open MPI nor MPICH.
MpiComponents mpi_components_of(const MpiSession& session);

/// For an Open MPI whose components are separate files, as in Open MPI 4. It unloads components
/// that it does not use. `libraries` are the files that the process has loaded.
MpiComponents components_from(const std::vector<std::string>& libraries,
                              const Neighbourhood& ranks);

/// For an Open MPI whose components are part of the library, as in Open MPI 5. It withdraws the
/// control variables of components that it does not use. `variables` are the names of all variables
/// that MPI_T lists, such as "btl_tcp_links".
MpiComponents components_from_variables(const std::vector<std::string>& variables,
                                        const Neighbourhood& ranks);

/// For MPICH, from its description of itself. `avoids_shared_memory`: MPIR_CVAR_NOLOCAL is set, so
/// it also uses the network between ranks of a node.
MpiComponents components_from_description(std::string_view description, const Neighbourhood& ranks,
                                          bool avoids_shared_memory);

}  // namespace tidemark::job
