// SPDX-License-Identifier: BSD-3-Clause
// Shows the progress of a run to a person who watches it.
#pragma once

#include <chrono>
#include <string>

namespace tidemark::commands {

/// Prints on stderr if `shown`. By default it is one line of the terminal, which is overwritten
/// each time and wiped before any other output.
///
/// With `whole_lines` it prints separate lines without control characters: the last one of each
/// phase, and one from time to time. Texts that differ only in numbers belong to one phase.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  Progress(bool shown, bool whole_lines);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& text);
  /// Must be called before any other output.
  void wipe();

 private:
  void print_line();

  const bool shown_;
  const bool whole_lines_;
  std::string pending_;  ///< the last text, if it is not printed yet
  std::string phase_;
  Clock::time_point printed_{};
};

}  // namespace tidemark::commands
