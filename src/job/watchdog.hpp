// SPDX-License-Identifier: BSD-3-Clause
// Ends the process if a call takes too long, so that it ends with an error and not a hang.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace tidemark::job {

/// Writes a line to stderr, in any state of the process.
void write_line(std::string line);

/// Ends the process with ExitStatus::failed by _exit. Destructors and MPI_Finalize would block if a
/// call hangs. The launcher ends the other ranks when one has ended.
[[noreturn]] void end_process();

/// The error line of an overdue call. `detail` is added if it is not empty.
std::string overdue_line(std::string_view operation, std::string_view context, int rank,
                         std::chrono::duration<double> elapsed,
                         std::chrono::duration<double> timeout, std::string_view detail);

/// A thread that watches the current blocking call of one rank.
///
/// If a call takes longer than `timeout`, the watchdog writes one line to stderr. The line names
/// the operation, the context, the rank and the seconds. Then it ends the process; see end_process.
///
/// The begin and the end of a call cost three atomic stores. The thread sleeps until the earliest
/// moment at which a call could be overdue. So it wakes about once per `timeout`, not periodically.
class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  /// Starts the thread. `timeout` must be positive. `rank` is only used in the line; below 0 if it
  /// is not known yet.
  Watchdog(std::chrono::duration<double> timeout, int rank);
  /// Stops the thread and waits until it has ended.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// A blocking call, from construction to destruction. Calls must not nest, and only one thread at
  /// a time may make them. `operation` must be a literal, because the watchdog's thread may read it
  /// at any time.
  class Call {
   public:
    Call(Watchdog& watchdog, const char* operation,
         Clock::time_point start = Clock::now()) noexcept;
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Watchdog& watchdog_;
  };

  /// Sets the timeout from now on, also for the current call. It must be positive.
  void set_timeout(std::chrono::duration<double> timeout);

  /// Adds what the current call still waits for to the line, such as "nothing came from rank 1".
  void set_detail(std::string detail);

  /// Sets a function that explains an overdue call, for example which ranks are missing. The
  /// watchdog's thread calls it, and it must not block.
  void set_explanation(std::function<std::string()> explanation);

  /// Sets the words for the line, such as "step 3 of case 1". It takes a mutex, so call it once per
  /// step and not for every call.
  void set_context(std::string context);
  [[nodiscard]] std::string context() const;

 private:
  static constexpr std::int64_t idle = -1;

  struct Overdue {
    const char* operation;
    double seconds;
  };

  [[nodiscard]] std::int64_t since_epoch(Clock::time_point time) const noexcept;
  [[nodiscard]] Clock::time_point next_look(Clock::time_point now) const noexcept;
  [[nodiscard]] std::optional<Overdue> find_overdue(Clock::time_point now) const noexcept;
  void watch();
  [[nodiscard]] std::string line_of(const Overdue& overdue) const;

  const Clock::time_point epoch_;
  const int rank_;

  std::atomic<const char*> operation_{nullptr};
  std::atomic<std::int64_t> start_{idle};  ///< ticks of Clock since epoch_

  mutable std::mutex mutex_;  ///< guards the following members
  std::condition_variable changed_;
  bool stop_ = false;
  bool has_new_timeout_ = false;
  Clock::duration timeout_;
  std::string context_ = "set-up";
  std::string detail_;
  std::function<std::string()> explanation_;

  std::thread thread_;  ///< last, so that all other members exist before it starts
};

}  // namespace tidemark::job
