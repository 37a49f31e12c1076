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

/// Seconds in which the rank computed nothing since it was inside the communicator: posting,
/// waiting, driving.
double occupied_seconds(const StepLog& log);
/// Seconds in which a kernel ran while a call was under way: proof that they overlapped.
double overlapped_seconds(const StepLog& log);

/// The log as slices of a trace, in order of beginning, on a clock that starts at `origin`.
std::vector<TraceSlice> slices_of(const StepLog& log, comm::Clock::time_point origin);

/// Total length of what lies in one of `a` and in one of `b`; each may overlap itself.
double intersection_length(std::vector<Interval> a, std::vector<Interval> b);

}  // namespace tidemark::bench
