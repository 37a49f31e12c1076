// SPDX-License-Identifier: BSD-3-Clause
#include "comm/mpi/mpi_communicator.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "base/error.hpp"
#include "comm/buffers.hpp"
#include "comm/mpi/datatype.hpp"
#include "comm/mpi/pending_calls.hpp"
#include "comm/mpi/progress_thread.hpp"
#include "job/cpus.hpp"
#include "job/peers.hpp"
#include "job/ranks_text.hpp"

namespace tidemark::comm {

namespace {

/// A waiting call yields its core after this time, if the job has more ranks than cpus here.
constexpr std::chrono::microseconds patience{100};

int rank_in(MPI_Comm comm) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  return rank;
}

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

std::string describe_error(int code) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS || length == 0) {
    return fmt::format("MPI error {}", code);
  }
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm parent, std::chrono::duration<double> timeout,
                                 MpiOptions options)
    : watchdog_(timeout, rank_in(parent)), options_(options) {
  duplicate(parent);
  account_ = Account(handle_.size);
  pending_ = std::make_unique<MpiPendingCalls>(handle_.comm, options_.sum, options_.memory,
                                               options_.largest_count);
  if (options_.progress_thread) {
    progress_ = std::make_unique<ProgressThread>(*this, options_.progress_interval);
  }
}

MpiCommunicator::~MpiCommunicator() {
  progress_.reset();
  // Freeing is collective. While an exception unwinds this rank, the other ranks may never join.
  if (std::uncaught_exceptions() > 0) return;
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized != 0) return;
  const job::Watchdog::Call call(watchdog_, "freeing the communicator");
  free_sums();
  MPI_Comm_free(&handle_.comm);
}

void MpiCommunicator::duplicate(MPI_Comm parent) {
  watchdog_.set_explanation(job::stopped_siblings);  // until the peers are known
  const job::Watchdog::Call call(watchdog_, "duplicating the communicator");
  handle_.rank = rank_in(parent);
  check(MPI_Comm_dup(parent, &handle_.comm), "duplicating the communicator");
  check(MPI_Comm_set_errhandler(handle_.comm, MPI_ERRORS_RETURN), "setting the error handler");
  check(MPI_Comm_size(handle_.comm, &handle_.size), "reading the communicator's size");
  make_sums();
  identify_peers();
}

/// The error line of an overdue call then names a rank that is not alive. The library's own
/// collectives do not tell this.
void MpiCommunicator::identify_peers() {
  const job::ProcessIdentity own = job::ProcessIdentity::of_this_process();
  std::vector<job::ProcessIdentity> all(static_cast<std::size_t>(handle_.size));
  check(MPI_Allgather(&own, sizeof own, MPI_BYTE, all.data(), sizeof own, MPI_BYTE, handle_.comm),
        "exchanging process ids");
  watchdog_.set_explanation(
      [all = std::move(all), rank = handle_.rank] { return job::missing_peers(all, rank); });
}

void MpiCommunicator::fail(std::string_view operation, std::string_view reason) const {
  throw RunError(fmt::format("{} failed in {} on rank {}: {}", operation, watchdog_.context(),
                             handle_.rank, reason));
}

void MpiCommunicator::check(int code, std::string_view operation) const {
  if (code != MPI_SUCCESS) fail(operation, describe_error(code));
}

int MpiCommunicator::checked_count(std::size_t count, int blocks,
                                   std::string_view operation) const {
  constexpr std::size_t largest_count = std::numeric_limits<int>::max();
  const auto n = static_cast<std::size_t>(blocks);
  if (count > largest_count / n) {
    fail(operation,
         fmt::format("{} x {} elements exceed MPI's limit of {} per call", n, count, largest_count));
  }
  return static_cast<int>(count);
}

void MpiCommunicator::require_apart(const void* block, const void* whole, std::size_t block_bytes,
                                    std::string_view operation) const {
  if (!are_apart(block, whole, block_bytes, handle_.size)) fail(operation, "the buffers overlap");
}

/// Requires that block and whole do not overlap, or that the block is this rank's own block.
void MpiCommunicator::require_usable_buffers(const Call& call) const {
  const std::string_view operation = name_of(call.operation);
  const std::size_t block_bytes = call.block_bytes();
  if (call.operation == Operation::all_gather) {
    if (call.send == block_of(call.recv, block_bytes, handle_.rank)) return;
    require_apart(call.send, call.recv, block_bytes, operation);
  }
  if (call.operation == Operation::reduce_scatter) {
    const bool by_library = options_.automatic || options_.algorithm == Algorithm::native;
    const bool in_place = call.recv == block_of(call.send, block_bytes, handle_.rank);
    if (in_place && (handle_.size == 1 || !by_library)) return;
    require_apart(call.recv, call.send, block_bytes, operation);
  }
}

Request MpiCommunicator::post(const Call& call) {
  require_usable_buffers(call);
  const BookedCall booked{call, call.message_bytes(handle_.size)};
  return call.operation == Operation::send_recv ? post_exchange(booked) : carry_out(booked);
}

Request MpiCommunicator::post_exchange(const BookedCall& call) {
  Round round;
  if (call.count > 0) {
    round.receives.push_back({call.from, {Place::recv, 0, call.count}});
    round.sends.push_back({call.to, {Place::send, 0, call.count}});
  }
  Script script;
  script.rounds.push_back(std::move(round));
  return start_script(call, std::move(script));
}

Request MpiCommunicator::carry_out(const BookedCall& call) {
  // The selected algorithm holds for a class of sizes. The library may refuse some of them.
  const bool chooses = options_.automatic && !imposed_;
  const Algorithm wanted = chooses ? algorithm_for(call) : imposed_.value_or(options_.algorithm);
  return carry_out_by(allowed(wanted, call), call);
}

Request MpiCommunicator::carry_out_by(Algorithm algorithm, const BookedCall& call) {
  if (algorithm == Algorithm::native) return native(call);
  const std::size_t segment = segment_of(options_.segment_bytes, overlapping_, call.dtype);
  return start_script(
      call, script_of(call.operation, algorithm, handle_.rank, handle_.size, call.count, segment));
}

Request MpiCommunicator::native(const BookedCall& call) {
  require_countable(call);
  if (!overlapping_) return blocking_native(call);
  return start(call, [&](const CallPlan& plan, Clock::time_point posted) {
    MPI_Request request = MPI_REQUEST_NULL;
    check(call_native(call, &request), name_of(call.operation));
    return pending_->start(plan, request, posted);
  });
}

Request MpiCommunicator::start_script(const BookedCall& call, Script script) {
  return start(call, [&](const CallPlan& plan, Clock::time_point posted) {
    return pending_->start(plan, std::move(script), posted);
  });
}

/// `launch` posts the call and returns its ticket.
template <class Launch>
Request MpiCommunicator::start(const BookedCall& call, const Launch& launch) {
  const Clock::time_point posted =
      Clock::now();  // before the lock, because waiting for the lock counts as blocked
  const std::lock_guard lock(mutex_);
  const CallPlan plan{call.operation,
                      call.purpose,
                      static_cast<std::int64_t>(call.message_bytes),
                      call.dtype,
                      datatype_of(call.dtype),
                      call.send,
                      call.recv,
                      call.counted};
  const std::uint64_t ticket = launch(plan, posted);
  if (call.counted) account_.occupied({call.operation, false, posted, Clock::now()});
  if (progress_ && overlapping_) progress_->wake();
  return {*this, ticket};
}

/// Drives all calls. Does not block if `awaited` is 0. Otherwise it returns when call `awaited`
/// is complete; the caller has waited for that call since `begin`.
void MpiCommunicator::drive(std::uint64_t awaited, Clock::time_point begin) {
  std::vector<Completed> completed;
  const char* operation = "progress";
  if (awaited != 0) operation = name_of(pending_->plan_of(awaited).operation).data();
  Clock::time_point now = Clock::now();
  Clock::time_point next_report = now + std::chrono::seconds(1);
  // A rank that is bound to one core keeps it. Ranks that must be fast are bound in this way.
  static const auto cpus = static_cast<int>(job::cpus_of_this_thread().size());
  const Clock::time_point gives_way =
      cpus > 1 && handle_.size > cpus ? now + patience : Clock::time_point::max();
  bool complete = awaited == 0;
  bool detailed = false;
  do {
    completed.clear();
    if (pending_->is_abandoned()) fail(operation, "the calls under way were abandoned");
    check(pending_->advance(completed), operation);
    now = Clock::now();
    for (const Completed& call : completed) {
      const bool is_awaited = call.ticket == awaited;
      complete = complete || is_awaited;
      const Clock::duration waited = is_awaited ? call.call.completed - begin : Clock::duration(0);
      if (call.counted) {
        account_.add(call.call,
                     call.posting_seconds + std::chrono::duration<double>(waited).count());
      }
    }
    if (!complete && now > next_report) {
      next_report = now + std::chrono::seconds(1);
      detailed = true;
      watchdog_.set_detail(describe(pending_->awaited_ranks(awaited)));
    }
    if (!complete && now > gives_way) std::this_thread::yield();
  } while (!complete);
  if (detailed) watchdog_.set_detail("");
}

void MpiCommunicator::wait(Request& request) {
  if (!request.pending()) return;
  TIDEMARK_REQUIRE(request.owner() == this, "a request of another communicator");
  const Clock::time_point begin = Clock::now();  // before the lock: blocked includes that wait
  std::unique_lock lock(mutex_, std::try_to_lock);
  const bool waits_for_driver = !lock.owns_lock();
  if (waits_for_driver) lock.lock();
  if (pending_->is_under_way(request.ticket())) {
    const char* const operation = name_of(pending_->plan_of(request.ticket()).operation).data();
    const job::Watchdog::Call watched(watchdog_, operation, Clock::now());
    drive(request.ticket(), begin);
  } else if (const auto plan = pending_->completed_plan(request.ticket());
             waits_for_driver && plan && plan->counted) {
    account_.add_blocked(plan->operation, plan->purpose, Clock::now() - begin);
  }
  if (const auto plan = pending_->completed_plan(request.ticket()); plan && plan->counted) {
    account_.occupied({plan->operation, false, begin, Clock::now()});
  }
  pending_->retire(request.ticket());
  request.mark_complete();
}

void MpiCommunicator::poll() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock() || pending_->empty()) return;
  // Several times, because MPI may advance a message by one fragment per call.
  constexpr auto stay = std::chrono::microseconds(30);
  const Clock::time_point begin = Clock::now();
  Clock::time_point now = begin;
  while (!pending_->empty() && now - begin < stay) {
    drive(0, now);
    now = Clock::now();
  }
  account_.occupied({Operation::send_recv, true, begin, now});
}

void MpiCommunicator::abandon() noexcept {
  const std::lock_guard lock(mutex_);
  pending_->abandon();
}

std::int64_t MpiCommunicator::scratch_bytes() const {
  const std::lock_guard lock(mutex_);
  return pending_->scratch_bytes();
}

void MpiCommunicator::release_scratch() {
  const std::lock_guard lock(mutex_);
  pending_->release_scratch();
}

}  // namespace tidemark::comm
