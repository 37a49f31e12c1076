// SPDX-License-Identifier: BSD-3-Clause
#include "report/trace.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "report/table.hpp"

namespace tidemark::report {

namespace {

using Json = nlohmann::ordered_json;

constexpr double gap_us = 1000.0;  // between cases

Json slice(std::size_t rank, const std::string& name, double start, double duration) {
  return {{"ph", "X"},    {"pid", rank}, {"tid", "step"},
          {"name", name}, {"ts", start}, {"dur", duration}};
}

/// Calls of one rank may run concurrently. Each call goes to the first free lane, because slices of
/// one track must be nested.
class Lanes {
 public:
  std::size_t lane_for(const bench::TraceSlice& slice) {
    for (std::size_t lane = 0; lane < free_from_.size(); ++lane) {
      if (free_from_[lane] <= slice.begin) {
        free_from_[lane] = slice.end;
        return lane;
      }
    }
    free_from_.push_back(slice.end);
    return free_from_.size() - 1;
  }

 private:
  std::vector<double> free_from_;
};

Json slice_event(std::size_t rank, double start, const bench::TraceSlice& slice, Lanes& lanes) {
  using Track = bench::TraceSlice::Track;
  std::string track = "compute";
  if (slice.track == Track::waiting) track = "comm: this rank waits";
  if (slice.track == Track::comm) {
    const std::size_t lane = lanes.lane_for(slice);
    track = lane == 0 ? "comm" : fmt::format("comm {}", lane + 1);
  }
  Json event{{"ph", "X"},
             {"pid", rank},
             {"tid", track},
             {"name", slice.name},
             {"ts", start + slice.begin * 1e6},
             {"dur", (slice.end - slice.begin) * 1e6}};
  if (slice.track == Track::comm) event["args"] = {{"bytes", slice.bytes}};
  return event;
}

Json counter(std::size_t rank, double start, const memory::LiveBytes& live) {
  Json bytes;
  for (const memory::TensorClass tensor_class : memory::all_tensor_classes) {
    bytes[std::string(memory::name_of(tensor_class))] =
        live.bytes[static_cast<std::size_t>(tensor_class)];
  }
  return {{"ph", "C"},
          {"pid", rank},
          {"name", "live activations"},
          {"ts", start + live.seconds * 1e6},
          {"args", bytes}};
}

}  // namespace

TraceFile::TraceFile(const std::filesystem::path& path) : path_(path) {
  errno = 0;
  file_.open(path, std::ios::trunc);
  if (!file_) {
    throw InputError(
        fmt::format("{}: cannot be opened for writing: {}", path.string(), std::strerror(errno)));
  }
  file_ << "[\n" << std::flush;
}

TraceFile::~TraceFile() { file_ << "\n]\n" << std::flush; }

void TraceFile::write(const Json& event) {
  file_ << (is_first_ ? "" : ",\n") << event.dump();
  is_first_ = false;
}

void TraceFile::append(const bench::CaseResult& result) {
  const std::string name =
      fmt::format("case {}: {}", result.settings.index + 1, mode_of(result.settings));
  double end = start_us_;
  for (std::size_t rank = 0; rank < result.traces.size(); ++rank) {
    const bench::StepTrace& trace = result.traces[rank];
    const auto& changes = trace.tide.changes;
    if (changes.empty()) continue;
    if (start_us_ == 0.0) {
      write({{"ph", "M"},
             {"pid", rank},
             {"name", "process_name"},
             {"args", {{"name", fmt::format("rank {}", rank)}}}});
    }
    // Forward's clock stops at the turn, and backward's starts when gradient R has been made.
    const double forward = trace.forward_seconds * 1e6;
    const double backward = trace.backward_seconds * 1e6;
    // After the last activation is freed, gradients are still summed over the ranks.
    double last = changes.back().seconds * 1e6;
    for (const bench::TraceSlice& slice : trace.slices) last = std::max(last, slice.end * 1e6);
    const double turned = trace.tide.turn_seconds * 1e6;
    const double started = std::max(0.0, turned - forward);
    const double resumed = std::max(turned, last - backward);
    write(slice(rank, name, start_us_, last));
    write(slice(rank, "forward", start_us_ + started, turned - started));
    write(slice(rank, "backward", start_us_ + resumed, last - resumed));
    for (const memory::LiveBytes& live : changes) write(counter(rank, start_us_, live));
    Lanes lanes;
    for (const bench::TraceSlice& slice : trace.slices) {
      write(slice_event(rank, start_us_, slice, lanes));
    }
    end = std::max(end, start_us_ + last);
  }
  file_ << std::flush;
  if (!file_) {
    throw RunError(fmt::format("{}: the trace could not be written", path_.string()));
  }
  start_us_ = end + gap_us;
}

}  // namespace tidemark::report
