// SPDX-License-Identifier: BSD-3-Clause
// The output that a run shows while it goes on.
#pragma once

#include <string>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/standard_streams.hpp"
#include "report/print.hpp"

namespace tidemark::commands {

/// Standard output of a rank that speaks. If it cannot be written, the run goes on, because the
/// records are worth more than the table.
class Screen {
 public:
  explicit Screen(bool speaks) : speaks_(speaks) {}

  void print(const std::string& text) {
    if (!speaks_ || is_lost_) return;
    try {
      report::print(text);
    } catch (const RunError& error) {
      is_lost_ = true;
      say_on_stderr(fmt::format("{}; the run goes on without it\n", error.what()));
    }
  }
  [[nodiscard]] bool is_lost() const { return is_lost_; }

 private:
  bool speaks_;
  bool is_lost_ = false;
};

/// The text that follows the table. It is also printed if a later case fails, so that finished
/// cases are not lost.
struct Tides {
  explicit Tides(Screen& on) : screen(on) {}
  ~Tides() { screen.print(text); }
  Tides(const Tides&) = delete;
  Tides& operator=(const Tides&) = delete;
  Screen& screen;
  std::string text;
};

}  // namespace tidemark::commands
