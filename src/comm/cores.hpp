// How many processor cores a process may call its own.
#pragma once

#include <string>

namespace tidemark::comm {

/// Cores in this process's affinity mask, divided by the number of processes on this node that have
/// the same mask, at least 1: a rank that the launcher bound has its own cores, ranks that it left
/// unbound share all of them. Collective over the processes of the job; MPI must be initialised.
int fair_share_of_cores();

/// The affinity mask of the calling thread, "0-3,8"; "unknown" where the system does not say.
std::string own_cores();

}  // namespace tidemark::comm
