// SPDX-License-Identifier: BSD-3-Clause
#include "job/watchdog.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/last_words.hpp"

namespace tidemark::job {

namespace {

/// About three years, far from the end of the clock's range, so that sums with it do not overflow.
constexpr std::chrono::duration<double> longest{1e8};

Watchdog::Clock::duration ticks_of(std::chrono::duration<double> timeout) {
  TIDEMARK_REQUIRE(timeout.count() > 0.0, "the timeout must be positive");
  return std::chrono::duration_cast<Watchdog::Clock::duration>(std::min(timeout, longest));
}

}  // namespace

Watchdog::Watchdog(std::chrono::duration<double> timeout, int rank)
    : epoch_(Clock::now()),
      rank_(rank),
      timeout_(ticks_of(timeout)),
      thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

Watchdog::Call::Call(Watchdog& watchdog, const char* operation, Clock::time_point start) noexcept
    : watchdog_(watchdog) {
  // This is released after the previous call was marked idle. A thread that reads this name does
  // not read that call's start any more. So it never combines a name and a start of different
  // calls.
  watchdog_.operation_.store(operation, std::memory_order_release);
  watchdog_.start_.store(watchdog_.since_epoch(start), std::memory_order_release);
}

Watchdog::Call::~Call() { watchdog_.start_.store(idle, std::memory_order_release); }

void Watchdog::set_context(std::string context) {
  const std::lock_guard lock(mutex_);
  context_ = std::move(context);
}

void Watchdog::set_timeout(std::chrono::duration<double> timeout) {
  {
    const std::lock_guard lock(mutex_);
    timeout_ = ticks_of(timeout);
    has_new_timeout_ = true;
  }
  changed_.notify_one();
}

void Watchdog::set_detail(std::string detail) {
  const std::lock_guard lock(mutex_);
  detail_ = std::move(detail);
}

void Watchdog::set_explanation(std::function<std::string()> explanation) {
  const std::lock_guard lock(mutex_);
  explanation_ = std::move(explanation);
}

std::string Watchdog::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

std::int64_t Watchdog::since_epoch(Clock::time_point time) const noexcept {
  return std::max<std::int64_t>(0, (time - epoch_).count());
}

std::optional<Watchdog::Overdue> Watchdog::find_overdue(Clock::time_point now) const noexcept {
  const std::int64_t start = start_.load(std::memory_order_acquire);
  if (start == idle) return std::nullopt;
  const Clock::duration elapsed = now - (epoch_ + Clock::duration(start));
  if (elapsed < timeout_) return std::nullopt;
  const char* operation = operation_.load(std::memory_order_acquire);
  if (start_.load(std::memory_order_acquire) != start) return std::nullopt;
  return Overdue{operation, std::chrono::duration<double>(elapsed).count()};
}

Watchdog::Clock::time_point Watchdog::next_look(Clock::time_point now) const noexcept {
  // A call that has not begun yet cannot be overdue before `now + timeout_`.
  const std::int64_t start = start_.load(std::memory_order_acquire);
  return (start == idle ? now : epoch_ + Clock::duration(start)) + timeout_;
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const Clock::time_point now = Clock::now();
    if (const auto overdue = find_overdue(now)) {
      write_line(line_of(*overdue));
      end_process();
    }
    has_new_timeout_ = false;
    changed_.wait_until(lock, next_look(now), [this] { return stop_ || has_new_timeout_; });
  }
}

std::string Watchdog::line_of(const Overdue& overdue) const {
  std::string detail = detail_;
  if (const std::string more = explanation_ ? explanation_() : std::string(); !more.empty()) {
    detail += (detail.empty() ? "" : "; ") + more;
  }
  return overdue_line(overdue.operation, context_, rank_,
                      std::chrono::duration<double>(overdue.seconds), timeout_, detail);
}

std::string overdue_line(std::string_view operation, std::string_view context, int rank,
                         std::chrono::duration<double> elapsed,
                         std::chrono::duration<double> timeout, std::string_view detail) {
  const std::string who = rank < 0 ? "" : fmt::format(" on rank {}", rank);
  return fmt::format("{} is overdue in {}{}: not complete after {:.1f} s (timeout {:g} s){}{}",
                     operation, context, who, elapsed.count(), timeout.count(),
                     detail.empty() ? "" : "; ", detail);
}

void write_line(std::string line) {
  line += '\n';
  // One write, so that lines of several ranks do not mix. It avoids the stdio locks, which the
  // hanging thread may hold. A failure is ignored.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

void end_process() {
  note_last_words();
  ::_exit(static_cast<int>(ExitStatus::failed));
}

}  // namespace tidemark::job
