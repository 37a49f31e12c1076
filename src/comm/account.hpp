// The books of one rank's communicator: sums over its calls and, on request, every call.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "comm/counters.hpp"
#include "comm/operation.hpp"

namespace tidemark::comm {

using Clock = std::chrono::steady_clock;

/// One call, from posting until this rank learnt that it was complete.
struct CallRecord {
  Operation operation;
  Purpose purpose;
  std::int64_t message_bytes = 0;
  Clock::time_point posted, completed;
};

/// Time that the rank spent inside the communicator, during which it computed nothing.
struct OccupiedRecord {
  Operation operation;      ///< the call that was waited for; meaningless for polling
  bool is_polling = false;  ///< driving calls between pieces of work, instead of waiting for one
  Clock::time_point begin, end;
};

/// Every call of a stretch of time, in order of completion, and every stay in the communicator.
struct CallLog {
  std::vector<CallRecord> calls;
  std::vector<OccupiedRecord> occupied;
};

/// Counters, and the log while one is attached.
class Account {
 public:
  explicit Account(int ranks) : ranks_(ranks) {}

  /// A call is complete; `blocked` are the seconds in which the caller had to wait for it.
  void add(const CallRecord& call, double blocked) {
    const std::chrono::duration<double> seconds = call.completed - call.posted;
    counters_.add(call.operation, call.purpose, ranks_, call.message_bytes, seconds.count(),
                  blocked);
    if (log_ != nullptr) log_->calls.push_back(call);
  }
  /// A call that was added already kept its caller waiting for longer.
  void add_blocked(Operation operation, Purpose purpose, Clock::duration time) {
    counters_.add_blocked(operation, purpose, std::chrono::duration<double>(time).count());
  }
  void occupied(const OccupiedRecord& stay) {
    if (stay.is_polling) add_polling(stay.end - stay.begin);
    if (log_ != nullptr) log_->occupied.push_back(stay);
  }
  /// Calls were driven, maybe by another thread than the one that computes.
  void add_polling(Clock::duration time) {
    polling_seconds_ += std::chrono::duration<double>(time).count();
  }
  /// From now on into `log`, which the caller owns; null: no longer.
  void attach(CallLog* log) noexcept { log_ = log; }

  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
  /// Seconds in which calls were driven without being waited for, since the last reset.
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
