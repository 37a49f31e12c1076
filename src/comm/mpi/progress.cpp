// SPDX-License-Identifier: BSD-3-Clause
#include "comm/mpi/progress.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "comm/mpi/progress_thread.hpp"
#include "job/cpus.hpp"
#include "job/ranks_text.hpp"

namespace tidemark::comm {

namespace {

/// A waiting call yields its core after this time, if the job has more ranks than cpus here.
constexpr std::chrono::microseconds patience{100};

/// What a call waits for, for the error line of an overdue call.
std::string describe(const Awaited& awaited) {
  if (!awaited.senders.empty()) {
    return fmt::format("nothing came from {}", job::ranks_text(awaited.senders));
  }
  // This rank has received everything, but some receivers have not taken its messages completely.
  if (!awaited.receivers.empty()) {
    return fmt::format("{} did not take what was sent", job::ranks_text(awaited.receivers));
  }
  return "";
}

}  // namespace

MpiProgress::MpiProgress(const MpiHandle& handle, job::Watchdog& watchdog,
                         const MpiOptions& options)
    : handle_(handle),
      watchdog_(watchdog),
      options_(options),
      account_(handle.size()),
      pending_(handle.comm(), options.sum, options.memory, options.largest_count) {
  if (options.progress_thread) thread_ = std::make_unique<Thread>(*this);
}

MpiProgress::~MpiProgress() = default;

std::uint64_t MpiProgress::start(const BookedCall& call, Script script, bool wakes) {
  const Clock::time_point begin =
      Clock::now();  // before the lock, because waiting for the lock counts as blocked
  BookedCall booked = call;
  booked.sent = bytes_sent(script, handle_.rank(), handle_.nodes(), call.dtype);
  const std::lock_guard lock(mutex_);
  const std::uint64_t ticket = pending_.start(booked, std::move(script), begin);
  posted(call, begin, wakes);
  return ticket;
}

void MpiProgress::posted(const BookedCall& call, Clock::time_point begin, bool wakes) {
  if (call.counted) account_.occupied({call.operation, false, begin, Clock::now()});
  if (thread_ && wakes) thread_->wake();
}

/// The caller has waited since `begin` for call `awaited`.
void MpiProgress::enter(const Completed& completed, std::uint64_t awaited,
                        Clock::time_point begin) {
  if (!completed.counted) return;
  Clock::duration waited{0};
  if (completed.ticket == awaited) waited = completed.record.completed - begin;
  account_.add(completed.record,
               completed.posting_seconds + std::chrono::duration<double>(waited).count());
}

/// Drives all calls. Does not block if `awaited` is 0. Otherwise it returns when call `awaited` is
/// complete; the caller has waited for that call since `begin`.
void MpiProgress::drive(std::uint64_t awaited, Clock::time_point begin) {
  std::vector<Completed> completed;
  const char* operation = "progress";
  if (awaited != 0) operation = name_of(pending_.call_of(awaited).operation).data();
  Clock::time_point now = Clock::now();
  Clock::time_point next_report = now + std::chrono::seconds(1);
  // A rank that is bound to one core keeps it. Ranks that must be fast are bound in this way.
  static const auto cpus = static_cast<int>(job::cpus_of_this_thread().size());
  const Clock::time_point gives_way =
      cpus > 1 && handle_.size() > cpus ? now + patience : Clock::time_point::max();
  bool complete = awaited == 0;
  bool reported = false;
  do {
    completed.clear();
    if (pending_.is_abandoned()) handle_.fail(operation, "the calls under way were abandoned");
    handle_.check(pending_.advance(completed), operation);
    now = Clock::now();
    for (const Completed& call : completed) {
      complete = complete || call.ticket == awaited;
      enter(call, awaited, begin);
    }
    if (!complete && now > next_report) {
      next_report = now + std::chrono::seconds(1);
      reported = true;
      watchdog_.set_detail(describe(pending_.awaited_ranks(awaited)));
    }
    if (!complete && now > gives_way) std::this_thread::yield();
  } while (!complete);
  if (reported) watchdog_.set_detail("");
}

void MpiProgress::wait(std::uint64_t ticket) {
  const Clock::time_point begin = Clock::now();  // before the lock: blocked includes that wait
  std::unique_lock lock(mutex_, std::try_to_lock);
  const bool waits_for_driver = !lock.owns_lock();
  if (waits_for_driver) lock.lock();
  if (pending_.is_under_way(ticket)) {
    const char* const operation = name_of(pending_.call_of(ticket).operation).data();
    const job::Watchdog::Call watched(watchdog_, operation, Clock::now());
    drive(ticket, begin);
  } else if (const auto call = pending_.completed_call(ticket);
             waits_for_driver && call && call->counted) {
    account_.add_blocked(call->operation, call->purpose, Clock::now() - begin);
  }
  if (const auto call = pending_.completed_call(ticket); call && call->counted) {
    account_.occupied({call->operation, false, begin, Clock::now()});
  }
  pending_.retire(ticket);
}

void MpiProgress::poll() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock() || pending_.empty()) return;
  // Several times, because MPI may advance a message by one fragment per call.
  constexpr auto stay = std::chrono::microseconds(30);
  const Clock::time_point begin = Clock::now();
  Clock::time_point now = begin;
  while (!pending_.empty() && now - begin < stay) {
    drive(0, now);
    now = Clock::now();
  }
  account_.occupied({Operation::send_recv, true, begin, now});
}

void MpiProgress::run(const char* operation, const BookedCall& call, Script script) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point begin = Clock::now();
  const std::uint64_t ticket = pending_.start(call, std::move(script), begin);
  const job::Watchdog::Call watched(watchdog_, operation, begin);
  drive(ticket, begin);
  pending_.retire(ticket);
}

void MpiProgress::abandon() noexcept {
  const std::lock_guard lock(mutex_);
  pending_.abandon();
}

std::int64_t MpiProgress::scratch_bytes() const {
  const std::lock_guard lock(mutex_);
  return pending_.scratch_bytes();
}

void MpiProgress::release_scratch() {
  const std::lock_guard lock(mutex_);
  pending_.release_scratch();
}

}  // namespace tidemark::comm
