// What the system of this node knows of the other ranks' processes, for a call that is overdue.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemark::job {

/// Which process a rank is: `node` tells apart machines, and containers with pids of their own.
struct ProcessIdentity {
  std::uint64_t node = 0;
  std::int64_t pid = 0;

  static ProcessIdentity of_this_process();
};

/// "rank 1 is stopped", "ranks 1-2 have ended; rank 3 is stopped", or empty, by `identities` of
/// all ranks in their order: of those that run on this node, `rank` itself left out. Of others it
/// cannot tell. Reads /proc, so it is empty where there is none. Any thread may call it.
std::string missing_peers(const std::vector<ProcessIdentity>& identities, int rank);

/// The same before ranks know of each other: of processes that the launcher started beside this
/// one, "rank 1 is stopped", by what launchers put into their environment.
std::string stopped_siblings();

}  // namespace tidemark::job
