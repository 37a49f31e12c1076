// SPDX-License-Identifier: BSD-3-Clause
// Places of imaginary machines.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "job/place.hpp"

namespace tidemark::job::testing {

/// `cores` cores, each with `ways` hardware threads, in Linux numbering: first the first hardware
/// threads of all cores, then the second ones. NUMA nodes have the same number of cores, in order.
inline std::vector<Cpu> cpus_of_machine(int cores, int ways = 1, int nodes = 1) {
  std::vector<Cpu> cpus;
  for (int cpu = 0; cpu < cores * ways; ++cpu) {
    cpus.push_back({cpu, cpu % cores, cpu % cores * nodes / cores});
  }
  return cpus;
}

/// A rank on machine `host`, to which the launcher gave `cores`, with threads that may run there.
inline Place place_on(const std::string& host, std::vector<Cpu> cpus, const std::string& cores,
                      const std::vector<std::string>& threads) {
  Place place;
  place.host = host;
  place.machine = "boot of " + host;
  place.cpus = std::move(cpus);
  place.cores = cpus_in(cores);
  for (const std::string& thread : threads) place.threads.push_back(cpus_in(thread));
  return place;
}

}  // namespace tidemark::job::testing
