// What the collectives of one rank moved, and how long they took.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "comm/operation.hpp"

namespace tidemark::comm {

/// Sums over the calls of one operation for one purpose, on one rank.
struct CallStats {
  std::int64_t calls = 0;
  /// Bytes as nccl-tests counts them: all-reduce, the buffer; all-gather, the gathered tensor;
  /// reduce-scatter, the tensor before it is scattered; send_recv, the block that is sent.
  std::int64_t message_bytes = 0;
  /// Bytes that this rank must send by a bandwidth-optimal algorithm; see `wire_bytes`.
  std::int64_t wire_bytes = 0;
  double seconds = 0.0;          ///< from posting until complete
  double blocked_seconds = 0.0;  ///< the part of them in which the caller had to wait
};

/// Wire bytes a rank of one collective over `ranks` ranks on a message of N = `message_bytes`:
/// 2 (ranks-1) N / ranks for an all-reduce, (ranks-1) N / ranks for an all-gather or
/// reduce-scatter, rounded down where N does not divide, and N for a send_recv. It is the lower
/// bound of Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of
/// workstations" (2009), not a reading of the network card.
std::int64_t wire_bytes(Operation operation, int ranks, std::int64_t message_bytes);

/// Bus bandwidth in GB/s (1 GB = 1e9 bytes) by the formulas of nccl-tests: N / seconds times
/// 2 (ranks-1) / ranks for an all-reduce, times (ranks-1) / ranks for an all-gather or
/// reduce-scatter, times 1 for a send_recv. Over several
/// calls it is the bandwidth of their sums. Unknown (nullopt) for one rank, and where no time was
/// counted.
std::optional<double> busbw_gbytes_per_s(Operation operation, int ranks, const CallStats& stats);

/// Counters of every (operation, purpose) pair: a value, so a copy is a snapshot.
class Counters {
 public:
  /// Adds one call. `blocked_seconds` is at most `seconds`; add_blocked may lift it above.
  void add(Operation operation, Purpose purpose, int ranks, std::int64_t message_bytes,
           double seconds, double blocked_seconds);

  [[nodiscard]] const CallStats& at(Operation operation, Purpose purpose) const noexcept {
    return stats_[index_of(purpose)][index_of(operation)];
  }

  /// A call that was added already kept its caller waiting for longer.
  void add_blocked(Operation operation, Purpose purpose, double seconds) {
    stats_[index_of(purpose)][index_of(operation)].blocked_seconds += seconds;
  }

  /// Adds all that `other` counted.
  void add(const Counters& other);

  /// Sum over all operations of one purpose.
  [[nodiscard]] CallStats total(Purpose purpose) const;

  /// What was counted after `earlier`, a snapshot of the same counters without a reset in between.
  [[nodiscard]] Counters since(const Counters& earlier) const;

  void reset() { *this = Counters{}; }

 private:
  std::array<std::array<CallStats, all_operations.size()>, all_purposes.size()> stats_{};
};

}  // namespace tidemark::comm
