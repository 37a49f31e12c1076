// SPDX-License-Identifier: BSD-3-Clause
#include "bench/step/timeline.hpp"

#include <algorithm>

namespace tidemark::bench {

namespace {

double seconds_of(comm::Clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

/// The union of intervals as sorted intervals that do not touch.
std::vector<Interval> joined(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end());
  std::vector<Interval> result;
  for (const Interval& interval : intervals) {
    if (interval.second <= interval.first) continue;
    if (!result.empty() && interval.first <= result.back().second) {
      result.back().second = std::max(result.back().second, interval.second);
    } else {
      result.push_back(interval);
    }
  }
  return result;
}

}  // namespace

double intersection_length(std::vector<Interval> a, std::vector<Interval> b) {
  a = joined(std::move(a));
  b = joined(std::move(b));
  double length = 0.0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    length += std::max(0.0, std::min(a[i].second, b[j].second) - std::max(a[i].first, b[j].first));
    (a[i].second < b[j].second ? i : j) += 1;
  }
  return length;
}

std::vector<TraceSlice> slices_of(const StepLog& log, comm::Clock::time_point origin) {
  using Track = TraceSlice::Track;
  std::vector<TraceSlice> slices;
  const auto add = [&](Track track, std::string name, std::int64_t bytes,
                       comm::Clock::time_point begin, comm::Clock::time_point end) {
    const auto since = [&](comm::Clock::time_point time) {
      return std::chrono::duration<double>(time - origin).count();
    };
    slices.push_back({track, std::move(name), bytes, since(begin), since(end)});
  };
  for (const KernelRecord& kernel : log.kernels) {
    add(Track::compute, kernel.label, 0, kernel.begin, kernel.end);
  }
  for (const comm::CallRecord& call : log.comm.calls) {
    add(Track::comm, std::string(comm::name_of(call.operation)), call.message_bytes, call.posted,
        call.completed);
  }
  for (const comm::OccupiedRecord& stay : log.comm.occupied) {
    add(Track::waiting, stay.is_polling ? "poll" : std::string(comm::name_of(stay.operation)), 0,
        stay.begin, stay.end);
  }
  std::stable_sort(slices.begin(), slices.end(),
                   [](const TraceSlice& a, const TraceSlice& b) { return a.begin < b.begin; });
  return slices;
}

double occupied_seconds(const StepLog& log) {
  double seconds = 0.0;
  for (const comm::OccupiedRecord& stay : log.comm.occupied) {
    seconds += std::chrono::duration<double>(stay.end - stay.begin).count();
  }
  return seconds;
}

double overlapped_seconds(const StepLog& log) {
  std::vector<Interval> kernels;
  std::vector<Interval> calls;
  for (const KernelRecord& kernel : log.kernels) {
    kernels.emplace_back(seconds_of(kernel.begin), seconds_of(kernel.end));
  }
  for (const comm::CallRecord& call : log.comm.calls) {
    calls.emplace_back(seconds_of(call.posted), seconds_of(call.completed));
  }
  return intersection_length(std::move(kernels), std::move(calls));
}

}  // namespace tidemark::bench
