// A dry run of a step: the ledger's entries and the collectives of the real one, without a device.
#pragma once

#include <cstdint>

#include "bench/result.hpp"
#include "comm/counters.hpp"
#include "config/case.hpp"
#include "memory/ledger.hpp"

namespace tidemark::bench {

/// What one step of one rank does to memory and to the network.
struct DryRun {
  memory::Tide tide;
  comm::Counters counters;
  std::int64_t pool_bytes = 0;  ///< what the allocator would hold
  std::int64_t parameter_bytes = 0;
  std::int64_t gradient_bytes = 0;
  std::int64_t table_bytes = 0;            ///< rotary angles
  std::int64_t exchange_buffer_bytes = 0;  ///< for the gradients of rows that several ranks hold
  /// Scratch memory of own collectives, in the schedule that takes most of those that a run goes
  /// through; with comm.algorithm auto, the most that any choice of algorithms takes.
  std::int64_t scratch_bytes = 0;

  [[nodiscard]] std::int64_t communication_bytes() const {
    return exchange_buffer_bytes + scratch_bytes;
  }
};

/// Runs the code of the step itself, with kernels and collectives left out, so that plan and run
/// cannot differ in a byte. Allocates nothing of the case; needs neither Kokkos nor MPI running.
DryRun run_dry(const config::Case& c);

/// The figures of a case from a dry_run and the theory. Throws RunError where the two disagree on
/// saved bytes, parameters or traffic.
PlanResult plan_case(const config::Case& c);

}  // namespace tidemark::bench
