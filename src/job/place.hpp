// SPDX-License-Identifier: BSD-3-Clause
// Where a rank runs: its machine, the cores from its launcher, and the cpus of its threads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "job/cpus.hpp"
#include "job/machine.hpp"

namespace tidemark::job {

/// What one rank knows of its place.
struct Place {
  std::string host;              ///< MPI's name of the node
  std::string machine;           ///< identifies machines, because hosts may be containers of one
  CpuList cores;                 ///< that the launcher gave to the rank
  std::vector<Cpu> cpus;         ///< the same, and those to which the rank could have been bound
  std::vector<CpuList> threads;  ///< cpus on which each thread may run; empty before threads start
  std::optional<CpuLimit> cpu_limit;  ///< of its control group
  std::optional<int> devices;  ///< number of visible devices; nullopt: it computes on the host
  std::string device_uuid;     ///< of its own device; "" if unknown
  std::string device_pci_id;   ///< of its own device; "" if unknown
  std::optional<int> device_numa_node;
  bool operator==(const Place&) const = default;

  /// NUMA nodes of the cores on which its threads may run, or before these start, the rank itself.
  [[nodiscard]] std::vector<int> numa_nodes() const;
  /// Physical cores that the launcher gave to the rank.
  [[nodiscard]] int physical_cores() const;
};

/// The place of this process, without threads and device. `host` is MPI's name of its node.
Place own_place(const std::string& host);

/// Converts a place to bytes and back, to send it to other ranks of the same program.
std::string bytes_of(const Place& place);
Place place_in(const std::string& bytes);

/// Threads for a rank, at least 1. It is the rank's share of the physical cores from its launcher,
/// or of its control group's processor time if that is less. Ranks with the same core share it, and
/// ranks of one control group share its limit.
int share_of_cores(const std::vector<Place>& places, std::size_t rank);

}  // namespace tidemark::job
