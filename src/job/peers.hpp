// SPDX-License-Identifier: BSD-3-Clause
// What this node's system knows about other ranks' processes, for an overdue call.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemark::job {

/// Identifies the process of a rank. `node` differs between machines, and between containers with
/// separate pids.
struct ProcessIdentity {
  std::uint64_t node = 0;
  std::int64_t pid = 0;

  static ProcessIdentity of_this_process();
};

/// A text such as "rank 1 is stopped" or "ranks 1-2 have ended; rank 3 is stopped"; empty if there
/// is nothing to report. `identities` are those of all ranks, in rank order. It covers ranks on
/// this node except `rank` itself. Reads /proc, so it is empty without /proc. Any thread may call
/// it.
std::string missing_peers(const std::vector<ProcessIdentity>& identities, int rank);

/// A text such as "rank 1 is stopped", for use before ranks know each other. It covers processes
/// that the same launcher started on this node, and finds their ranks in their environment.
std::string stopped_siblings();

}  // namespace tidemark::job
