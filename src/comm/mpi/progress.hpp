// SPDX-License-Identifier: BSD-3-Clause
// Drives the pending calls of a rank, and enters them into its account.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "comm/account.hpp"
#include "comm/mpi/booked_call.hpp"
#include "comm/mpi/handle.hpp"
#include "comm/mpi/options.hpp"
#include "comm/mpi/pending_calls.hpp"
#include "job/watchdog.hpp"

namespace tidemark::comm {

/// The pending calls of one communicator, its account, and the progress thread of MpiOptions.
///
/// Calls advance during `wait` and `poll`, and by the thread. A lock lets only one thread at a time
/// call MPI. Every function that can fail throws RunError, as Communicator defines it.
class MpiProgress {
 public:
  /// `handle` and `watchdog` must outlive this object.
  MpiProgress(const MpiHandle& handle, job::Watchdog& watchdog, const MpiOptions& options);
  ~MpiProgress();
  MpiProgress(const MpiProgress&) = delete;
  MpiProgress& operator=(const MpiProgress&) = delete;

  /// Posts a call of own messages and sums. Returns its ticket. `wakes`: the progress thread drives
  /// it, too.
  std::uint64_t start(const BookedCall& call, Script script, bool wakes);
  /// Posts a call of the library, which `post` starts with an MPI_Request to fill. `post` returns
  /// MPI's error code. Returns the ticket.
  template <class Post>
  std::uint64_t start_by_library(const BookedCall& call, bool wakes, const Post& post);
  /// Carries out a call of the library that blocks, and enters it into the account.
  template <class Body>
  void complete_by_library(const BookedCall& call, const Body& body);
  /// Carries out an operation of the harness that blocks. `operation` must be a literal.
  template <class Body>
  void carry_out(const char* operation, const Body& body);

  /// Returns when call `ticket` is complete.
  void wait(std::uint64_t ticket);
  /// Drives all calls without blocking.
  void poll();
  /// Stops the progress of all calls.
  void abandon() noexcept;
  /// Posts `script` for the harness, and returns when it is complete.
  void run(const char* operation, const BookedCall& call, Script script);

  [[nodiscard]] std::int64_t scratch_bytes() const;
  void release_scratch();
  [[nodiscard]] Account& account() noexcept { return account_; }
  [[nodiscard]] const Account& account() const noexcept { return account_; }

 private:
  /// A thread that drives pending calls during its lifetime.
  class Thread;

  /// Returns the code of a blocking call, which the watchdog ends if it takes too long.
  template <class Body>
  int watched(const char* operation, const Body& body);
  void drive(std::uint64_t awaited, Clock::time_point begin);
  void enter(const Completed& completed, std::uint64_t awaited, Clock::time_point begin);
  void posted(const BookedCall& call, Clock::time_point begin, bool wakes);

  const MpiHandle& handle_;
  job::Watchdog& watchdog_;
  MpiOptions options_;
  Account account_;
  mutable std::mutex mutex_;  ///< guards pending calls and account against the progress thread
  MpiPendingCalls pending_;
  std::unique_ptr<Thread> thread_;  ///< last, because it uses all other members
};

template <class Post>
std::uint64_t MpiProgress::start_by_library(const BookedCall& call, bool wakes, const Post& post) {
  // Before the lock, because waiting for the lock counts as blocked.
  const Clock::time_point begin = Clock::now();
  const std::lock_guard lock(mutex_);
  MPI_Request request = MPI_REQUEST_NULL;
  handle_.check(post(&request), name_of(call.operation));
  const std::uint64_t ticket = pending_.start(call, request, begin);
  posted(call, begin, wakes);
  return ticket;
}

template <class Body>
void MpiProgress::complete_by_library(const BookedCall& call, const Body& body) {
  const Clock::time_point begin = Clock::now();  // before the lock, as above
  const std::lock_guard lock(mutex_);
  const int code = watched(name_of(call.operation).data(), body);
  const Clock::time_point end = Clock::now();
  handle_.check(code, name_of(call.operation));
  if (!call.counted) return;
  account_.add({call.operation, call.purpose, call.message_bytes, begin, end},
               std::chrono::duration<double>(end - begin).count());
  account_.occupied({call.operation, false, begin, end});
}

template <class Body>
void MpiProgress::carry_out(const char* operation, const Body& body) {
  const std::lock_guard lock(mutex_);
  handle_.check(watched(operation, body), operation);
}

template <class Body>
int MpiProgress::watched(const char* operation, const Body& body) {
  const job::Watchdog::Call call(watchdog_, operation);
  return body();
}

}  // namespace tidemark::comm
