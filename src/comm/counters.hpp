// SPDX-License-Identifier: BSD-3-Clause
// What the collectives of one rank moved, and how long they took.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "comm/algorithms/levels.hpp"
#include "comm/operation.hpp"

namespace tidemark::comm {

/// Sums over the calls of one operation for one purpose, on one rank.
struct CallStats {
  std::int64_t calls = 0;
  /// Bytes as nccl-tests counts them. all_reduce: the buffer. all_gather: the gathered tensor.
  /// reduce_scatter: the tensor before it is scattered. send_recv: the block that is sent.
  std::int64_t message_bytes = 0;
  /// Bytes that this rank must send with a bandwidth-optimal algorithm; see `wire_bytes`.
  std::int64_t wire_bytes = 0;
  /// What this rank sent, added up message by message, in the calls of which it is known.
  LevelBytes sent;
  std::int64_t calls_with_sent = 0;
  double seconds = 0.0;          ///< from posting until complete
  double blocked_seconds = 0.0;  ///< the part in which the caller had to wait
};

/// Wire bytes per rank of one collective over `ranks` ranks, for a message of N = `message_bytes`:
///
/// * all_reduce: 2 (ranks-1) N / ranks
/// * all_gather, reduce_scatter: (ranks-1) N / ranks
/// * send_recv: N
///
/// Rounded down if N is not divisible. This is the lower bound of Patarasuk and Yuan, "Bandwidth
/// optimal all-reduce algorithms for clusters of workstations" (2009). It is no reading of the
/// network card.
std::int64_t wire_bytes(Operation operation, int ranks, std::int64_t message_bytes);

/// Bus bandwidth in GB/s (1 GB = 1e9 bytes) by the formulas of nccl-tests. It is N / seconds times
/// a factor: 2 (ranks-1) / ranks for all_reduce, (ranks-1) / ranks for all_gather and
/// reduce_scatter, and 1 for send_recv. For several calls it uses the sums of their bytes and
/// seconds. nullopt for one rank and if no time was counted.
std::optional<double> busbw_gbytes_per_s(Operation operation, int ranks, const CallStats& stats);

/// Counters of every (operation, purpose) pair. A value type: a copy is a snapshot.
class Counters {
 public:
  /// Adds one call. `blocked_seconds` is at most `seconds`.
  void add(Operation operation, Purpose purpose, int ranks, std::int64_t message_bytes,
           double seconds, double blocked_seconds,
           const std::optional<LevelBytes>& sent = std::nullopt);

  [[nodiscard]] const CallStats& at(Operation operation, Purpose purpose) const noexcept {
    return stats_[index_of(purpose)][index_of(operation)];
  }

  /// Adds more waiting time to a call that is already counted. Both of its times grow.
  void add_blocked(Operation operation, Purpose purpose, double seconds) {
    CallStats& stats = stats_[index_of(purpose)][index_of(operation)];
    stats.seconds += seconds;
    stats.blocked_seconds += seconds;
  }

  /// Adds all counts of `other`.
  void add(const Counters& other);

  /// Sum over all operations of one purpose.
  [[nodiscard]] CallStats total(Purpose purpose) const;

  /// The difference to `earlier`, a snapshot of the same counters without a reset in between.
  [[nodiscard]] Counters since(const Counters& earlier) const;

  void reset() { *this = Counters{}; }

 private:
  std::array<std::array<CallStats, all_operations.size()>, all_purposes.size()> stats_{};
};

}  // namespace tidemark::comm
