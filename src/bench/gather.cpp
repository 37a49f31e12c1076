// SPDX-License-Identifier: BSD-3-Clause
#include "bench/gather.hpp"

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "bench/verify/audit.hpp"

namespace tidemark::bench {

namespace {

/// The bytes of a value, to send it to other ranks of the same program.
template <class Value>
std::string bytes_of(const Value& value) {
  static_assert(std::is_trivially_copyable_v<Value>);
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

template <class Value>
Value value_of(std::string_view bytes) {
  Value value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// A slice in a form that can be sent. Long names are cut.
struct FlatSlice {
  TraceSlice::Track track;
  std::int64_t bytes;
  double begin, end;
  std::array<char, 48> name;
};

std::string bytes_of(const std::vector<TraceSlice>& slices) {
  std::string bytes;
  for (const TraceSlice& slice : slices) {
    FlatSlice flat{slice.track, slice.bytes, slice.begin, slice.end, {}};
    slice.name.copy(flat.name.data(), flat.name.size() - 1);
    bytes += bytes_of(flat);
  }
  return bytes;
}

std::vector<TraceSlice> slices_in(const std::string& bytes) {
  std::vector<TraceSlice> slices;
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(FlatSlice)) {
    const auto flat = value_of<FlatSlice>(std::string_view(bytes).substr(at, sizeof(FlatSlice)));
    slices.push_back({flat.track, flat.name.data(), flat.bytes, flat.begin, flat.end});
  }
  return slices;
}

}  // namespace

std::int64_t largest(std::int64_t value, comm::Communicator& communicator) {
  std::array<double, 1> highest{static_cast<double>(value)};  // exact below 8 PiB
  communicator.max_over_ranks(highest);
  return static_cast<std::int64_t>(highest[0]);
}

std::optional<std::int64_t> largest_known(std::optional<std::int64_t> value,
                                          comm::Communicator& communicator) {
  const std::int64_t highest = largest(value.value_or(-1), communicator);
  return highest < 0 ? std::nullopt : std::optional(highest);
}

void take_largest(MemoryFigures& figures, comm::Communicator& communicator) {
  for (std::int64_t* const value :
       {&figures.saved, &figures.saved_per_layer, &figures.saved_of_ends, &figures.norm_statistics,
        &figures.peak}) {
    *value = largest(*value, communicator);
  }
  figures.pool = largest_known(figures.pool, communicator);
  figures.process = largest_known(figures.process, communicator);
  figures.communication_library = largest_known(figures.communication_library, communicator);
}

std::vector<CallLine> mean_calls(const comm::Counters& counters, int steps,
                                 comm::Communicator& communicator) {
  const int ranks = communicator.size();
  std::vector<CallLine> calls = calls_per_step(counters, ranks, steps);
  for (CallLine& call : calls) {
    const CallLine::Sent sent = call.sent.value_or(CallLine::Sent{});
    std::array<double, 5> sums{call.seconds.value_or(0.0), call.blocked_seconds.value_or(0.0),
                               sent.node_bytes, sent.network_bytes, call.sent ? 1.0 : 0.0};
    communicator.sum_over_ranks(sums);
    call.seconds = sums[0] / ranks;
    call.blocked_seconds = sums[1] / ranks;
    call.sent.reset();
    if (sums[4] == ranks) call.sent = CallLine::Sent{sums[2] / ranks, sums[3] / ranks};
    comm::CallStats mean;
    mean.calls = call.count;
    mean.message_bytes = call.message_bytes;
    mean.seconds = *call.seconds;
    call.busbw_gbytes_per_s = comm::busbw_gbytes_per_s(call.operation, ranks, mean);
  }
  return calls;
}

std::vector<RankDetail> gather_details(const RankDetail& own, comm::Communicator& communicator) {
  struct Numbers {
    double step_ms, blocked_ms, gemm_gflops, busy_ms;
    std::int64_t threads, peak, process;
  };
  const auto numbers = communicator.gather_bytes(
      bytes_of(Numbers{own.step_ms, own.blocked_ms, own.gemm_gflops, own.busy_ms, own.threads,
                       own.peak_bytes, own.process_bytes.value_or(-1)}));
  const auto hosts = communicator.gather_bytes(own.host);
  const auto names = communicator.gather_bytes(own.device.name);
  const auto uuids = communicator.gather_bytes(own.device.uuid);
  const auto pci_ids = communicator.gather_bytes(own.device.pci_id);
  const auto cores = communicator.gather_bytes(own.cores);
  std::vector<RankDetail> details;
  for (std::size_t rank = 0; rank < numbers.size(); ++rank) {
    const auto n = value_of<Numbers>(numbers[rank]);
    details.push_back({hosts[rank],
                       {names[rank], uuids[rank], pci_ids[rank]},
                       n.threads,
                       n.step_ms,
                       n.blocked_ms,
                       n.gemm_gflops,
                       n.peak,
                       n.process < 0 ? std::nullopt : std::optional(n.process),
                       n.busy_ms,
                       cores[rank]});
  }
  return details;
}

std::vector<StepTrace> gather_traces(const StepTrace& own, comm::Communicator& communicator) {
  struct Head {
    double forward, backward, turn_seconds;
    std::uint64_t turn;
  };
  static_assert(std::is_trivially_copyable_v<memory::LiveBytes>);
  const auto& changes = own.tide.changes;
  std::string series(changes.size() * sizeof(memory::LiveBytes), '\0');
  std::memcpy(series.data(), changes.data(), series.size());
  const auto heads = communicator.gather_bytes(bytes_of(
      Head{own.forward_seconds, own.backward_seconds, own.tide.turn_seconds, own.tide.turn}));
  const auto all_series = communicator.gather_bytes(series);
  const auto all_slices = communicator.gather_bytes(bytes_of(own.slices));
  std::vector<StepTrace> traces;
  for (std::size_t rank = 0; rank < heads.size(); ++rank) {
    const auto head = value_of<Head>(heads[rank]);
    StepTrace trace{head.forward, head.backward, {}, slices_in(all_slices[rank])};
    trace.tide.turn = head.turn;
    trace.tide.turn_seconds = head.turn_seconds;
    trace.tide.changes.resize(all_series[rank].size() / sizeof(memory::LiveBytes));
    std::memcpy(trace.tide.changes.data(), all_series[rank].data(), all_series[rank].size());
    traces.push_back(std::move(trace));
  }
  return traces;
}

}  // namespace tidemark::bench
