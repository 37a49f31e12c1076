// Runs one case from its settings to its figures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/accelerator.hpp"
#include "base/device.hpp"
#include "bench/result.hpp"
#include "comm/mpi_session.hpp"
#include "config/case.hpp"

namespace tidemark::bench {

/// What the cases of a run share.
struct Environment {
  Device& device;
  const comm::MpiSession& session;
  accelerator::Identity device_identity;  ///< as recorded for each rank
  int threads = 1;                        ///< of this rank, likewise
  bool trace = false;                     ///< also run a step whose tide is kept
  /// Bytes of the device that were in use before the first case, by whomever; nullopt on a host.
  std::optional<std::int64_t> device_bytes_before = std::nullopt;
  /// Told what is going on, on every rank: "warm-up 1/2".
  std::function<void(const std::string&)> progress;
  std::string cores;                  ///< of this rank, as recorded
  std::optional<SlowRank> slow_rank;  ///< disturbs the run, for a test
};

/// Builds the stack of `c`, verifies it, measures it; collective over all processes of the job.
/// `dump_folder`, where given, receives this rank's tensors and must exist.
///
/// Throws Interrupted, on all ranks, where one has had a signal and the case does not end within
/// the patience of base/interruption.hpp; RunError where the case does not fit into memory (before
/// it is allocated, on all ranks alike) or cannot be carried out.
CaseResult run_case(const config::Case& c, const Environment& environment,
                    const std::optional<std::filesystem::path>& dump_folder);

}  // namespace tidemark::bench
