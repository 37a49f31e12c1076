// SPDX-License-Identifier: BSD-3-Clause
// What the cases of a run share.
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

/// The run as this rank sees it.
struct RunContext {
  Device& device;
  const job::MpiSession& session;
  accelerator::Identity device_identity;  ///< as in the records
  int threads = 1;                        ///< of this rank, as in the records
  bool trace = false;                     ///< also run a step and keep its tide
  /// Bytes of the device that were in use before the first case, by any process; nullopt on a host.
  std::optional<std::int64_t> device_bytes_before = std::nullopt;
  /// Gets a text for the current activity, such as "warm-up 1/2", on every rank.
  std::function<void(const std::string&)> progress;
  std::string cores;                  ///< of this rank, as in the records
  std::optional<SlowRank> slow_rank;  ///< slows the run down, for a test
};

}  // namespace tidemark::bench
