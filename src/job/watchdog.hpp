// Ends the process when a call takes longer than it may: an error instead of a hang.
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

/// Writes a line to stderr, whatever state the rest of the process is in.
void write_line(std::string line);

/// Ends the process with ExitStatus::failed by _exit: destructors and MPI_Finalize would block
/// where a call hangs, and the launcher ends the other ranks when one is gone.
[[noreturn]] void end_process();

/// The line of a call that takes longer than it may; `detail` is added where there is one.
std::string overdue_line(std::string_view operation, std::string_view context, int rank,
                         std::chrono::duration<double> elapsed,
                         std::chrono::duration<double> timeout, std::string_view detail);

/// A thread that watches the current blocking call of one rank.
///
/// When a call is not over `timeout` after it began, the watchdog writes one line to stderr which
/// names the operation, the context, the rank and the seconds, and ends the process; see
/// end_process.
///
/// Beginning and ending a call costs three atomic stores. The thread sleeps until the earliest
/// moment at which a call could be overdue, so it wakes about once a `timeout`, not periodically.
class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  /// Starts the thread. `timeout` must be positive. `rank` is used in the line only; below 0 where
  /// it is not known yet.
  Watchdog(std::chrono::duration<double> timeout, int rank);
  /// Stops the thread, and returns once it has ended.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// A blocking call, from construction to destruction. Calls do not nest, and one thread at a time
  /// makes them. `operation` must be a literal: the watchdog's thread may read it at any time.
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

  /// From now on, for the call under way, too. Must be positive.
  void set_timeout(std::chrono::duration<double> timeout);

  /// Adds to the line what the current call still waits for: "nothing came from rank 1".
  void set_detail(std::string detail);

  /// Asked for more words when a call is overdue, from the watchdog's thread, which must not block
  /// in it: who is missing, as far as others than the call can tell.
  void set_explanation(std::function<std::string()> explanation);

  /// Words for the line: "step 3 of case 1". Takes a mutex: for once a step, not for every call.
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

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  bool stop_ = false;
  bool has_new_timeout_ = false;
  Clock::duration timeout_;
  std::string context_ = "set-up";
  std::string detail_;
  std::function<std::string()> explanation_;

  std::thread thread_;  ///< last, so that all it uses exists before it starts
};

}  // namespace tidemark::job
