// What the cases of a run are measured in.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/accelerator.hpp"
#include "base/device.hpp"
#include "bench/step/slow_rank.hpp"
#include "job/mpi_session.hpp"

namespace tidemark::bench {

/// What the cases of a run share.
struct Environment {
  Device& device;
  const job::MpiSession& session;
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

}  // namespace tidemark::bench
