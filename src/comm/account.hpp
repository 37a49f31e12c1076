// SPDX-License-Identifier: BSD-3-Clause
// The account of one rank's communicator: sums over its calls and, on request, every call.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "comm/algorithms/levels.hpp"
#include "comm/counters.hpp"
#include "comm/operation.hpp"

namespace tidemark::comm {

using Clock = std::chrono::steady_clock;

/// One call, from posting until this rank learns that it is complete.
struct CallRecord {
  Operation operation;
  Purpose purpose;
  std::int64_t message_bytes = 0;
  Clock::time_point posted, completed;
  std::optional<LevelBytes> sent = std::nullopt;  ///< nullopt if the library does not tell
};

/// A time that the rank spends inside the communicator, in which it computes nothing.
struct OccupiedRecord {
  Operation operation;      ///< the call that the rank waits for; no meaning when polling
  bool is_polling = false;  ///< the rank drives calls between pieces of work, and waits for none
  Clock::time_point begin, end;
};

/// All calls in some interval of time, in order of completion, and all times inside the
/// communicator.
struct CallLog {
  std::vector<CallRecord> calls;
  std::vector<OccupiedRecord> occupied;
};

/// Counters, and the log while one is attached.
class Account {
 public:
  explicit Account(int ranks) : ranks_(ranks) {}

  /// Enters a complete call. `blocked`: seconds in which the caller had to wait for it.
  void add(const CallRecord& call, double blocked) {
    const std::chrono::duration<double> seconds = call.completed - call.posted;
    counters_.add(call.operation, call.purpose, ranks_, call.message_bytes, seconds.count(),
                  blocked, call.sent);
    if (log_ != nullptr) log_->calls.push_back(call);
  }
  /// The caller waited for longer for a call that is already in the account.
  void add_blocked(Operation operation, Purpose purpose, Clock::duration time) {
    counters_.add_blocked(operation, purpose, std::chrono::duration<double>(time).count());
  }
  void occupied(const OccupiedRecord& stay) {
    if (stay.is_polling) add_polling(stay.end - stay.begin);
    if (log_ != nullptr) log_->occupied.push_back(stay);
  }
  /// Time in which calls were driven, possibly by another thread than the one that computes.
  void add_polling(Clock::duration time) {
    polling_seconds_ += std::chrono::duration<double>(time).count();
  }
  /// From now on enters every call into `log`, too. The caller owns `log`; null ends this.
  void attach(CallLog* log) noexcept { log_ = log; }

  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
  /// Seconds since the last reset in which calls were driven while no call was waited for.
  [[nodiscard]] double polling_seconds() const noexcept { return polling_seconds_; }
  void reset() {
    counters_.reset();
    polling_seconds_ = 0.0;
  }

 private:
  int ranks_;
  Counters counters_;
  double polling_seconds_ = 0.0;
  CallLog* log_ = nullptr;
};

}  // namespace tidemark::comm
