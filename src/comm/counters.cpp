// SPDX-License-Identifier: BSD-3-Clause
#include "comm/counters.hpp"

namespace tidemark::comm {

namespace {

/// How often (ranks-1)/ranks of the message crosses the wire. An all-reduce is a reduce-scatter and
/// an all-gather.
constexpr int passes(Operation operation) noexcept {
  return operation == Operation::all_reduce ? 2 : 1;
}

void accumulate(CallStats& sum, const CallStats& term) {
  sum.calls += term.calls;
  sum.message_bytes += term.message_bytes;
  sum.wire_bytes += term.wire_bytes;
  sum.sent.node += term.sent.node;
  sum.sent.network += term.sent.network;
  sum.calls_with_sent += term.calls_with_sent;
  sum.seconds += term.seconds;
  sum.blocked_seconds += term.blocked_seconds;
}

}  // namespace

std::int64_t wire_bytes(Operation operation, int ranks, std::int64_t message_bytes) {
  if (operation == Operation::send_recv) return message_bytes;
  // Dividing first keeps the intermediate values below the size of the message.
  const std::int64_t n = ranks;
  const std::int64_t factor = passes(operation) * (n - 1);
  return factor * (message_bytes / n) + factor * (message_bytes % n) / n;
}

std::optional<double> busbw_gbytes_per_s(Operation operation, int ranks, const CallStats& stats) {
  if (ranks <= 1 || stats.seconds <= 0.0) return std::nullopt;
  const double algorithm_bandwidth = static_cast<double>(stats.message_bytes) / stats.seconds;
  if (operation == Operation::send_recv) return algorithm_bandwidth / 1e9;
  const double share = static_cast<double>(ranks - 1) / static_cast<double>(ranks);
  return algorithm_bandwidth * passes(operation) * share / 1e9;
}

void Counters::add(Operation operation, Purpose purpose, int ranks, std::int64_t message_bytes,
                   double seconds, double blocked_seconds, const std::optional<LevelBytes>& sent) {
  accumulate(stats_[index_of(purpose)][index_of(operation)],
             {.calls = 1,
              .message_bytes = message_bytes,
              .wire_bytes = comm::wire_bytes(operation, ranks, message_bytes),
              .sent = sent.value_or(LevelBytes{}),
              .calls_with_sent = sent ? 1 : 0,
              .seconds = seconds,
              .blocked_seconds = blocked_seconds});
}

void Counters::add(const Counters& other) {
  for (const Purpose purpose : all_purposes) {
    for (const Operation operation : all_operations) {
      accumulate(stats_[index_of(purpose)][index_of(operation)], other.at(operation, purpose));
    }
  }
}

CallStats Counters::total(Purpose purpose) const {
  CallStats sum;
  for (const CallStats& stats : stats_[index_of(purpose)]) accumulate(sum, stats);
  return sum;
}

Counters Counters::since(const Counters& earlier) const {
  Counters difference = *this;
  for (const Purpose purpose : all_purposes) {
    for (const Operation operation : all_operations) {
      const CallStats& before = earlier.at(operation, purpose);
      accumulate(difference.stats_[index_of(purpose)][index_of(operation)],
                 {.calls = -before.calls,
                  .message_bytes = -before.message_bytes,
                  .wire_bytes = -before.wire_bytes,
                  .sent = {-before.sent.node, -before.sent.network},
                  .calls_with_sent = -before.calls_with_sent,
                  .seconds = -before.seconds,
                  .blocked_seconds = -before.blocked_seconds});
    }
  }
  return difference;
}

}  // namespace tidemark::comm
