// SPDX-License-Identifier: BSD-3-Clause
// A dry run of a step: the ledger's entries and the collectives of a real step, without a device.
#pragma once

#include <cstdint>
#include <optional>

#include "bench/result.hpp"
#include "comm/algorithms/nodes.hpp"
#include "comm/counters.hpp"
#include "config/case.hpp"
#include "memory/ledger.hpp"

namespace tidemark::bench {

/// The memory and the traffic of one step of one rank.
struct DryRun {
  memory::Tide tide;
  comm::Counters counters;
  std::int64_t pool_bytes = 0;  ///< bytes that the allocator would hold
  std::int64_t parameter_bytes = 0;
  std::int64_t gradient_bytes = 0;
  std::int64_t table_bytes = 0;            ///< rotary angles
  std::int64_t exchange_buffer_bytes = 0;  ///< for the gradients of rows that several ranks hold
  /// Scratch memory of own collectives: the maximum over all schedules of a run. With
  /// comm.algorithm auto it is the maximum over all algorithms.
  std::int64_t scratch_bytes = 0;

  [[nodiscard]] std::int64_t communication_bytes() const {
    return exchange_buffer_bytes + scratch_bytes;
  }
};

/// Runs the code of a step without kernels and collectives. So plan and run agree to the byte. It
/// allocates no memory of the case, and needs neither Kokkos nor MPI. `nodes` says where the ranks
/// are; nullopt: on one node.
DryRun run_dry(const config::Case& c, const std::optional<comm::NodeMap>& nodes = std::nullopt);

/// The figures of a case from a dry run and the theory. `assumed` takes the place of
/// `products: auto`: a device has its own library. With `ranks_per_node`, each node has so many
/// consecutive ranks, and calls tell their bytes within and between nodes. Throws InputError if
/// `hierarchical` is to run on uneven nodes. Throws RunError if dry run and theory disagree on
/// saved bytes, parameters or traffic.
PlanResult plan_case(const config::Case& settings,
                     config::Products assumed = config::Products::automatic,
                     std::optional<int> ranks_per_node = std::nullopt);

}  // namespace tidemark::bench
