#include "comm/mpi.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <exception>
#include <limits>

#include "base/error.hpp"
#include "comm/buffers.hpp"
#include "comm/mpi_driver.hpp"
#include "comm/mpi_flights.hpp"
#include "comm/peers.hpp"

namespace tidemark::comm {

namespace {

constexpr std::size_t overlapped_segment = std::size_t{8} << 20;
constexpr std::size_t largest_count = std::numeric_limits<int>::max();

MPI_Datatype datatype_of(DType dtype) {
  switch (dtype) {
    case DType::fp64:
      return MPI_DOUBLE;
    case DType::fp32:
      return MPI_FLOAT;
    case DType::bf16:
      return MPI_UINT16_T;  // MPI has no such type; what it sums with is ours
  }
  return MPI_DATATYPE_NULL;
}

// MPI_User_function: inout = in + inout, each sum formed in float and rounded once.
void add_bf16(void* in, void* inout, int* length, MPI_Datatype*) {
  const auto* terms = static_cast<const bfloat16*>(in);
  auto* sums = static_cast<bfloat16*>(inout);
  for (int i = 0; i < *length; ++i) {
    sums[i] = bfloat16(static_cast<float>(sums[i]) + static_cast<float>(terms[i]));
  }
}

int rank_in(MPI_Comm comm) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  return rank;
}

/// What a call is waiting for, for the line of one that is overdue.
std::string describe(const Awaited& awaited) {
  if (!awaited.senders.empty()) {
    return fmt::format("nothing came from {}", ranks_text(awaited.senders));
  }
  // Everything has come; what was sent has not been taken, or not all of it.
  if (!awaited.receivers.empty()) {
    return fmt::format("{} did not take what was sent", ranks_text(awaited.receivers));
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
  flights_ = std::make_unique<MpiFlights>(handle_.comm, options_.sum, options_.memory);
  if (options_.progress_thread) {
    driver_ = std::make_unique<Driver>(*this, options_.progress_interval);
  }
}

MpiCommunicator::~MpiCommunicator() {
  driver_.reset();
  // Freeing is collective: where an exception unwinds this rank, the others may never come.
  if (std::uncaught_exceptions() > 0) return;
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized != 0) return;
  const Watchdog::Call call(watchdog_, "freeing the communicator");
  MPI_Op_free(&handle_.bf16_sum);
  MPI_Comm_free(&handle_.comm);
}

void MpiCommunicator::duplicate(MPI_Comm parent) {
  const Watchdog::Call call(watchdog_, "duplicating the communicator");
  handle_.rank = rank_in(parent);
  check(MPI_Comm_dup(parent, &handle_.comm), "duplicating the communicator");
  check(MPI_Comm_set_errhandler(handle_.comm, MPI_ERRORS_RETURN), "setting the error handler");
  check(MPI_Comm_size(handle_.comm, &handle_.size), "reading the communicator's size");
  constexpr int commutative = 1;
  check(MPI_Op_create(add_bf16, commutative, &handle_.bf16_sum), "making the sum of bf16");
  identify_peers();
}

/// So that the line of an overdue call names a rank that is not alive, which the library's own
/// collectives would not tell.
void MpiCommunicator::identify_peers() {
  const ProcessIdentity own = ProcessIdentity::of_this_process();
  std::vector<ProcessIdentity> all(static_cast<std::size_t>(handle_.size));
  check(MPI_Allgather(&own, sizeof own, MPI_BYTE, all.data(), sizeof own, MPI_BYTE, handle_.comm),
        "exchanging process ids");
  watchdog_.set_explanation(
      [all = std::move(all), rank = handle_.rank] { return missing_peers(all, rank); });
}

MPI_Op MpiCommunicator::sum_of(DType dtype) const {
  return dtype == DType::bf16 ? handle_.bf16_sum : MPI_SUM;
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
  const auto n = static_cast<std::size_t>(blocks);
  if (count > largest_count / n) {
    fail(operation,
         fmt::format("{} x {} elements exceed MPI's limit of {} a call", n, count, largest_count));
  }
  return static_cast<int>(count);
}

void MpiCommunicator::require_apart(const void* block, const void* whole, std::size_t block_bytes,
                                    std::string_view operation) const {
  if (!are_apart(block, whole, block_bytes, handle_.size)) fail(operation, "the buffers overlap");
}

Request MpiCommunicator::all_reduce(void* buffer, std::size_t count, DType dtype, Purpose purpose) {
  constexpr Operation operation = Operation::all_reduce;
  const int n = checked_count(count, 1, name_of(operation));
  return carry_out({operation, purpose, dtype, nullptr, buffer, n, count * size_of(dtype)});
}

Request MpiCommunicator::all_gather(const void* send, void* recv, std::size_t count_per_rank,
                                    DType dtype, Purpose purpose) {
  constexpr Operation operation = Operation::all_gather;
  const int n = checked_count(count_per_rank, handle_.size, name_of(operation));
  const std::size_t block_bytes = count_per_rank * size_of(dtype);
  const bool in_place = send == block_of(recv, block_bytes, handle_.rank);
  if (!in_place) require_apart(send, recv, block_bytes, name_of(operation));
  return carry_out({operation, purpose, dtype, send, recv, n,
                    block_bytes * static_cast<std::size_t>(handle_.size)});
}

Request MpiCommunicator::reduce_scatter(const void* send, void* recv, std::size_t count_per_rank,
                                        DType dtype, Purpose purpose) {
  constexpr Operation operation = Operation::reduce_scatter;
  const int n = checked_count(count_per_rank, handle_.size, name_of(operation));
  const std::size_t block_bytes = count_per_rank * size_of(dtype);
  const bool by_library = options_.automatic || options_.algorithm == Algorithm::native;
  const bool in_place =
      recv == block_of(send, block_bytes, handle_.rank) && (handle_.size == 1 || !by_library);
  if (!in_place) require_apart(recv, send, block_bytes, name_of(operation));
  return carry_out({operation, purpose, dtype, send, recv, n,
                    block_bytes * static_cast<std::size_t>(handle_.size)});
}

Request MpiCommunicator::exchange(const void* send, int to, void* recv, int from, std::size_t count,
                                  DType dtype, Purpose purpose) {
  constexpr Operation operation = Operation::send_recv;
  const int n = checked_count(count, 1, name_of(operation));
  Round round;
  if (count > 0) {
    round.receives.push_back({from, {Place::recv, 0, count}});
    round.sends.push_back({to, {Place::send, 0, count}});
  }
  Script script;
  script.rounds.push_back(std::move(round));
  return start_script({operation, purpose, dtype, send, recv, n, count * size_of(dtype)},
                      std::move(script));
}

bool MpiCommunicator::may_be_native(const Call& call) const {
  if (!options_.on_device) return true;
  // Beside other work the library's call would not block, and those of Open MPI take buffers of a
  // device for the host's: they form sums there (its issue 9845).
  if (overlapping_) return false;
  const bool sums = call.operation != Operation::all_gather;
  return !sums || call.dtype != DType::bf16;
}

Request MpiCommunicator::carry_out(const Call& call) {
  if (options_.automatic && !imposed_) return carry_out_by(algorithm_for(call), call);
  const Algorithm wanted = imposed_.value_or(options_.algorithm);
  const bool refused = wanted == Algorithm::native && !may_be_native(call);
  return carry_out_by(refused ? Algorithm::pairwise : wanted, call);
}

Request MpiCommunicator::carry_out_by(Algorithm algorithm, const Call& call) {
  if (algorithm != Algorithm::native) {
    // Beside other work, every round waits for the next poll of both ranks: few and large ones.
    const std::size_t bytes = overlapping_ ? std::max(options_.segment_bytes, overlapped_segment)
                                           : options_.segment_bytes;
    const std::size_t segment = std::max<std::size_t>(1, bytes / size_of(call.dtype));
    return start_script(call, script_of(call.operation, algorithm, handle_.rank, handle_.size,
                                        static_cast<std::size_t>(call.count), segment));
  }
  if (!overlapping_) return blocking_native(call);
  return start(call, [&](const FlightPlan& plan, Clock::time_point posted) {
    MPI_Request request = MPI_REQUEST_NULL;
    check(call_native(call, &request), name_of(call.operation));
    return flights_->start(plan, request, posted);
  });
}

Request MpiCommunicator::start_script(const Call& call, Script script) {
  return start(call, [&](const FlightPlan& plan, Clock::time_point posted) {
    return flights_->start(plan, std::move(script), posted);
  });
}

/// `launch` posts the call and gives its ticket.
template <class Launch>
Request MpiCommunicator::start(const Call& call, const Launch& launch) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point posted = Clock::now();
  const FlightPlan plan{call.operation,
                        call.purpose,
                        static_cast<std::int64_t>(call.message_bytes),
                        call.dtype,
                        datatype_of(call.dtype),
                        call.send,
                        call.recv,
                        call.counted};
  const std::uint64_t ticket = launch(plan, posted);
  if (call.counted) account_.occupied({call.operation, false, posted, Clock::now()});
  if (driver_ && overlapping_) driver_->wake();
  return {*this, ticket};
}

/// Blocking where `request` is null.
int MpiCommunicator::call_native(const Call& call, MPI_Request* request) const {
  const MPI_Datatype type = datatype_of(call.dtype);
  const MPI_Op sum = sum_of(call.dtype);
  const MPI_Comm comm = handle_.comm;
  const int n = call.count;
  if (call.operation == Operation::all_reduce) {
    return request == nullptr
               ? MPI_Allreduce(MPI_IN_PLACE, call.recv, n, type, sum, comm)
               : MPI_Iallreduce(MPI_IN_PLACE, call.recv, n, type, sum, comm, request);
  }
  if (call.operation == Operation::all_gather) {
    const std::size_t block_bytes = static_cast<std::size_t>(n) * size_of(call.dtype);
    const bool in_place = call.send == block_of(call.recv, block_bytes, handle_.rank);
    const void* const send = in_place ? MPI_IN_PLACE : call.send;
    return request == nullptr ? MPI_Allgather(send, n, type, call.recv, n, type, comm)
                              : MPI_Iallgather(send, n, type, call.recv, n, type, comm, request);
  }
  const void* const send = call.send == call.recv ? MPI_IN_PLACE : call.send;
  return request == nullptr
             ? MPI_Reduce_scatter_block(send, call.recv, n, type, sum, comm)
             : MPI_Ireduce_scatter_block(send, call.recv, n, type, sum, comm, request);
}

Request MpiCommunicator::blocking_native(const Call& call) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point posted = Clock::now();
  int code = MPI_SUCCESS;
  {
    const Watchdog::Call watched(watchdog_, name_of(call.operation).data(), posted);
    code = call_native(call, nullptr);
  }
  const Clock::time_point completed = Clock::now();
  check(code, name_of(call.operation));
  if (!call.counted) return {};
  account_.add({call.operation, call.purpose, static_cast<std::int64_t>(call.message_bytes), posted,
                completed},
               std::chrono::duration<double>(completed - posted).count());
  account_.occupied({call.operation, false, posted, completed});
  return {};
}

/// Moves calls on, without blocking where `awaited` is 0, else until that one is complete.
void MpiCommunicator::drive(std::uint64_t awaited) {
  std::vector<Landed> landed;
  const Clock::time_point begin = Clock::now();
  const char* operation = "progress";
  if (awaited != 0) operation = name_of(flights_->plan_of(awaited).operation).data();
  Clock::time_point now = begin;
  Clock::time_point next_report = begin + std::chrono::seconds(1);
  bool complete = awaited == 0;
  bool detailed = false;
  do {
    landed.clear();
    check(flights_->advance(landed), operation);
    now = Clock::now();
    for (const Landed& call : landed) {
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
      watchdog_.set_detail(describe(flights_->awaited_ranks(awaited)));
    }
  } while (!complete);
  if (detailed) watchdog_.set_detail("");
}

void MpiCommunicator::wait(Request& request) {
  if (!request.pending()) return;
  TIDEMARK_REQUIRE(request.owner() == this, "a request of another communicator");
  const std::lock_guard lock(mutex_);
  if (flights_->is_under_way(request.ticket())) {
    const Clock::time_point begin = Clock::now();
    const Operation operation = flights_->plan_of(request.ticket()).operation;
    const bool counted = flights_->plan_of(request.ticket()).counted;
    {
      const Watchdog::Call watched(watchdog_, name_of(operation).data(), begin);
      drive(request.ticket());
    }
    if (counted) account_.occupied({operation, false, begin, Clock::now()});
  }
  request.mark_complete();
}

void MpiCommunicator::poll() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock() || flights_->empty()) return;
  // Several times: MPI moves a message on by a fragment at a time, where there are fragments.
  constexpr auto stay = std::chrono::microseconds(30);
  const Clock::time_point begin = Clock::now();
  Clock::time_point now = begin;
  while (!flights_->empty() && now - begin < stay) {
    drive(0);
    now = Clock::now();
  }
  account_.occupied({Operation::send_recv, true, begin, now});
}

}  // namespace tidemark::comm
