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

/// A run gave up at the wish of whoever sent a signal; all ranks throw it together.
class Interrupted : public RunError {
 public:
  explicit Interrupted(const std::string& line) : RunError(line, Scope::all_ranks) {}
};

/// For as long as it lives, SIGTERM and SIGUSR1 do not end the process: the first one is noted, for
/// the run to finish what it is at, or to give up once it is out of patience. Where the run does
/// not come to that, in a step that takes too long or in a call that hangs, a thread ends the
/// process with one line on stderr and status 3 within 10 s of the signal; the launcher then ends
/// the other ranks. Behind it they are ignored, for ranks do not get a signal at the same time, and
/// one may have ended in order before it comes. At most one at a time.
class Interruption {
 public:
  /// `rank` is this process's: where all ranks have the signal, rank 0 speaks for them.
  /// `local_ranks` run on this node.
  Interruption(int rank, int local_ranks);
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// The number of the signal; 0 where none has come.
  [[nodiscard]] static int signal_number() noexcept;
  /// Seconds since it came; 0 where none has come.
  [[nodiscard]] static double seconds() noexcept;
  /// Seconds after which a run that can choose gives up.
  [[nodiscard]] static double patience() noexcept;
  /// Name of a signal that is noted: "SIGTERM".
  [[nodiscard]] static std::string name_of(int signal_number);

  /// What the line of a process that has to be ended says behind the signal's name.
  void set_line(std::string line);

  /// While the lock lives, the process is not ended: for what must not be cut in two.
  [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }

 private:
  void watch();

  const int rank_;
  const int local_ranks_;
  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  bool stop_ = false;
  std::string line_ = "ended before anything was measured";
  std::thread thread_;  ///< last, so that all it uses exists before it starts
};

}  // namespace tidemark
