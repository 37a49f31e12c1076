// SPDX-License-Identifier: BSD-3-Clause
#include "commands/progress.hpp"

#include <cctype>
#include <cstdio>

#include "base/standard_streams.hpp"

namespace tidemark::commands {

namespace {

constexpr std::chrono::seconds pause{5};  // between two lines of one phase

std::string without_numbers(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isdigit(c) != 0; });
  return text;
}

void write_over(const std::string& text) {
  std::fprintf(stderr, "\r\x1b[K%s", text.c_str());  // a failure cannot be reported anywhere
  std::fflush(stderr);
}

}  // namespace

Progress::Progress(bool shown, bool whole_lines) : shown_(shown), whole_lines_(whole_lines) {}

Progress::~Progress() { wipe(); }

void Progress::show(const std::string& text) {
  if (!shown_) return;
  if (!whole_lines_) {
    write_over(text);
    return;
  }
  const std::string phase = without_numbers(text);
  if (phase != phase_) print_line();
  phase_ = phase;
  pending_ = text;
  if (Clock::now() - printed_ >= pause) print_line();
}

void Progress::wipe() {
  if (!shown_) return;
  if (whole_lines_) {
    print_line();
  } else {
    write_over("");
  }
}

void Progress::print_line() {
  if (pending_.empty()) return;
  say_on_stderr(pending_ + "\n");
  pending_.clear();
  printed_ = Clock::now();
}

}  // namespace tidemark::commands
