#include "comm/cores.hpp"

#include <sched.h>

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "comm/mpi.hpp"

namespace tidemark::comm {

namespace {

/// The C library's set has no name of its own, and a template of such a type ends nvcc's front end.
struct CoreSet {
  cpu_set_t cores;
};

}  // namespace

int fair_share_of_cores() {
  cpu_set_t own;
  CPU_ZERO(&own);
  if (sched_getaffinity(0, sizeof own, &own) != 0) {
    CPU_SET(0, &own);
  }
  MPI_Comm node = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
  int processes = 1;
  MPI_Comm_size(node, &processes);
  std::vector<CoreSet> all(static_cast<std::size_t>(processes));
  MPI_Allgather(&own, sizeof own, MPI_BYTE, all.data(), sizeof own, MPI_BYTE, node);
  MPI_Comm_free(&node);
  const auto sharers = std::count_if(all.begin(), all.end(), [&](const CoreSet& other) {
    return CPU_EQUAL(&own, &other.cores) != 0;
  });
  return std::max(1, CPU_COUNT(&own) / std::max(1, static_cast<int>(sharers)));
}

std::string own_cores() {
  cpu_set_t own;
  CPU_ZERO(&own);
  if (sched_getaffinity(0, sizeof own, &own) != 0) return "unknown";
  std::string text;
  for (int first = 0; first < CPU_SETSIZE; ++first) {
    if (!CPU_ISSET(first, &own)) continue;
    int last = first;
    while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &own)) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", first);
    if (last > first) text += fmt::format("-{}", last);
    first = last;
  }
  return text;
}

}  // namespace tidemark::comm
