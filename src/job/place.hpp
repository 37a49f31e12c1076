// Where a rank stands: its machine, what its launcher gave it, and where its threads run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "job/cpus.hpp"
#include "job/machine.hpp"

namespace tidemark::job {

/// What one rank knows of its place.
struct Place {
  std::string host;              ///< as MPI calls the node
  std::string machine;           ///< tells machines apart: hosts may be containers of one
  CpuList cores;                 ///< that the launcher gave it
  std::vector<Cpu> cpus;         ///< the same, and those that it could have been bound to
  std::vector<CpuList> threads;  ///< what each of its threads may run on; none before they start
  std::optional<CpuLimit> cpu_limit;  ///< of its control group
  std::optional<int> devices;         ///< that it sees; nullopt: it computes on the host
  std::string device_uuid;            ///< of its own; "" where unknown
  std::string device_pci_id;          ///< likewise
  std::optional<int> device_numa_node;
  bool operator==(const Place&) const = default;

  /// NUMA nodes of the cores that its threads, or before they start the rank, may run on.
  [[nodiscard]] std::vector<int> numa_nodes() const;
  /// Physical cores that the launcher gave it.
  [[nodiscard]] int physical_cores() const;
};

/// The place of this process, without threads and device. `host` is what MPI calls its node.
Place own_place(const std::string& host);

/// For sending a place to other ranks of the same program.
std::string bytes_of(const Place& place);
Place place_in(const std::string& bytes);

/// Threads for each rank, at least 1: its share of the physical cores that the launcher gave it, or
/// of its control group's processor time where that is less. Ranks that were given the same core
/// share it, and ranks of one control group share its limit.
int share_of_cores(const std::vector<Place>& places, std::size_t rank);

}  // namespace tidemark::job
