// SPDX-License-Identifier: BSD-3-Clause
// How far a run has come, for a person who watches it.
#pragma once

#include <chrono>
#include <string>

namespace tidemark::commands {

/// On stderr, where `shown`. By default it is one line of the terminal, which is written over and
/// over, and wiped before anything else.
///
/// With `whole_lines` it is lines one below the other, without control characters: the last one
/// of each phase, and one now and then. A phase is what has the same words but for its numbers.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  Progress(bool shown, bool whole_lines);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& text);
  /// Before anything else is printed.
  void wipe();

 private:
  void print_line();

  const bool shown_;
  const bool whole_lines_;
  std::string pending_;  ///< the last text, where it is not printed yet
  std::string phase_;
  Clock::time_point printed_{};
};

}  // namespace tidemark::commands
