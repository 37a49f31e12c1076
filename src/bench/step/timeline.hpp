// SPDX-License-Identifier: BSD-3-Clause
// What one rank did during one step, interval by interval.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/device.hpp"
#include "bench/result.hpp"
#include "comm/account.hpp"

namespace tidemark::bench {

/// [begin, end) in seconds.
using Interval = std::pair<double, double>;

/// The logs of a step: kernels of the device, calls of the communicator.
struct StepLog {
  KernelLog kernels;
  comm::CallLog comm;

  void clear() {
    kernels.clear();
    comm.calls.clear();
    comm.occupied.clear();
  }
};

/// Seconds in which the rank computed nothing, because it was inside the communicator: posting,
/// waiting or polling.
double occupied_seconds(const StepLog& log);
/// Seconds in which a kernel ran while a call was pending, which proves that they overlapped.
double overlapped_seconds(const StepLog& log);

/// The log as slices of a trace, sorted by their begin, on a clock that starts at `origin`.
std::vector<TraceSlice> slices_of(const StepLog& log, comm::Clock::time_point origin);

/// Total time that is both in `a` and in `b`. The intervals of each may overlap each other.
double intersection_length(std::vector<Interval> a, std::vector<Interval> b);

}  // namespace tidemark::bench
