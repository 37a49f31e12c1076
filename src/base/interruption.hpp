// SPDX-License-Identifier: BSD-3-Clause
// Signals that ask a job to end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/error.hpp"

namespace tidemark {

/// The run gave up because of a signal. All ranks throw it together.
class Interrupted : public RunError {
 public:
  explicit Interrupted(const std::string& line) : RunError(line, Scope::all_ranks) {}
};

/// While it exists, SIGTERM and SIGUSR1 do not end the process. The first signal is noted. The run
/// then finishes its current work, or gives up when its patience is over.
///
/// If the run does neither, because a step takes too long or a call hangs, a thread ends the
/// process. It does so within 10 s of the signal, with one line on stderr and status 3. The
/// launcher then ends the other ranks.
///
/// After its destruction the signals are ignored. Ranks do not get a signal at the same time, and
/// one may have ended in order before the signal comes. Only one object may exist at a time.
class Interruption {
 public:
  /// `rank` is the rank of this process. If all ranks have the signal, rank 0 prints the line for
  /// them. `local_ranks` is the number of ranks on this node.
  Interruption(int rank, int local_ranks);
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// The number of the signal; 0 if none has come.
  [[nodiscard]] static int signal_number() noexcept;
  /// Seconds since the signal; 0 if none has come.
  [[nodiscard]] static double seconds() noexcept;
  /// Seconds from the signal until a run that can choose gives up.
  [[nodiscard]] static double patience() noexcept;
  /// Name of a signal that is noted: "SIGTERM".
  [[nodiscard]] static std::string name_of(int signal_number);

  /// Sets the text after the signal's name in the line of a process that has to be ended.
  void set_line(std::string line);

  /// While the lock exists, the process is not ended. It is for work that must not be interrupted.
  [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }

 private:
  void watch();

  const int rank_;
  const int local_ranks_;
  std::mutex mutex_;  ///< guards the members below
  std::condition_variable changed_;
  bool stop_ = false;
  std::string line_ = "ended before anything was measured";
  std::thread thread_;  ///< last, so that the members it uses exist before it starts
};

}  // namespace tidemark
