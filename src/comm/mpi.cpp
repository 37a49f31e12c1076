#include "comm/mpi.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>

#include "base/error.hpp"

namespace tidemark::comm {

namespace {

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

std::string describe_error(int code) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS || length == 0) {
    return fmt::format("MPI error {}", code);
  }
  return {text, static_cast<std::size_t>(length)};
}

/// A NaN on any rank has to show in the result, which fmax and fmin would hide.
double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }
double smaller(double a, double b) { return std::isnan(a) || a < b ? a : b; }
double plus(double a, double b) { return a + b; }

}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm parent, std::chrono::duration<double> timeout)
    : watchdog_(timeout, rank_in(parent)) {
  duplicate(parent);
}

MpiCommunicator::~MpiCommunicator() {
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
  const auto* first = static_cast<const std::byte*>(block);
  const auto* begin = static_cast<const std::byte*>(whole);
  const auto* end = begin + block_bytes * static_cast<std::size_t>(handle_.size);
  const std::less<> before;  // a total order, also of pointers into different arrays
  if (block_bytes > 0 && before(first, end) && before(begin, first + block_bytes)) {
    fail(operation, "the buffers overlap");
  }
}

template <class Call>
Request MpiCommunicator::counted(Operation operation, Purpose purpose, std::size_t message_bytes,
                                 const Call& call) {
  const Watchdog::Clock::time_point start = Watchdog::Clock::now();
  int code = MPI_SUCCESS;
  {
    const Watchdog::Call watched(watchdog_, name_of(operation).data(), start);
    code = call();
  }
  const std::chrono::duration<double> elapsed = Watchdog::Clock::now() - start;
  check(code, name_of(operation));
  counters_.add(operation, purpose, handle_.size, static_cast<std::int64_t>(message_bytes),
                elapsed.count(), elapsed.count());
  return {};
}

Request MpiCommunicator::all_reduce(void* buffer, std::size_t count, DType dtype, Purpose purpose) {
  constexpr Operation operation = Operation::all_reduce;
  const int n = checked_count(count, 1, name_of(operation));
  return counted(operation, purpose, count * size_of(dtype), [&] {
    return MPI_Allreduce(MPI_IN_PLACE, buffer, n, datatype_of(dtype), sum_of(dtype), handle_.comm);
  });
}

Request MpiCommunicator::all_gather(const void* send, void* recv, std::size_t count_per_rank,
                                    DType dtype, Purpose purpose) {
  constexpr Operation operation = Operation::all_gather;
  const int n = checked_count(count_per_rank, handle_.size, name_of(operation));
  const std::size_t block_bytes = count_per_rank * size_of(dtype);
  const std::byte* own = static_cast<const std::byte*>(recv);
  if (own != nullptr) own += block_bytes * static_cast<std::size_t>(handle_.rank);
  const bool in_place = send == own;
  if (!in_place) require_apart(send, recv, block_bytes, name_of(operation));
  return counted(operation, purpose, block_bytes * static_cast<std::size_t>(handle_.size), [&] {
    const MPI_Datatype type = datatype_of(dtype);
    return MPI_Allgather(in_place ? MPI_IN_PLACE : send, n, type, recv, n, type, handle_.comm);
  });
}

Request MpiCommunicator::reduce_scatter(const void* send, void* recv, std::size_t count_per_rank,
                                        DType dtype, Purpose purpose) {
  constexpr Operation operation = Operation::reduce_scatter;
  const int n = checked_count(count_per_rank, handle_.size, name_of(operation));
  const std::size_t block_bytes = count_per_rank * size_of(dtype);
  const bool in_place = send == recv && handle_.size == 1;
  if (!in_place) require_apart(recv, send, block_bytes, name_of(operation));
  return counted(operation, purpose, block_bytes * static_cast<std::size_t>(handle_.size), [&] {
    return MPI_Reduce_scatter_block(in_place ? MPI_IN_PLACE : send, recv, n, datatype_of(dtype),
                                    sum_of(dtype), handle_.comm);
  });
}

void MpiCommunicator::wait(Request& request) {
  TIDEMARK_REQUIRE(!request.pending(), "a request of another communicator");
}

template <class Call>
void MpiCommunicator::control(const char* operation, const Call& call) {
  int code = MPI_SUCCESS;
  {
    const Watchdog::Call watched(watchdog_, operation);
    code = call();
  }
  check(code, operation);
}

void MpiCommunicator::barrier() {
  control("barrier", [&] { return MPI_Barrier(handle_.comm); });
}

void MpiCommunicator::max_over_ranks(std::span<double> values) {
  fold_over_ranks(values, larger, "max_over_ranks");
}

void MpiCommunicator::min_over_ranks(std::span<double> values) {
  fold_over_ranks(values, smaller, "min_over_ranks");
}

void MpiCommunicator::sum_over_ranks(std::span<double> values) {
  fold_over_ranks(values, plus, "sum_over_ranks");
}

void MpiCommunicator::fold_over_ranks(std::span<double> values, Fold fold, const char* operation) {
  // Gathered, then folded in rank order: MPI_Allreduce need not give all ranks the same bits.
  const int n = checked_count(values.size(), handle_.size, operation);
  std::vector<double> all(values.size() * static_cast<std::size_t>(handle_.size));
  control(operation, [&] {
    return MPI_Allgather(values.data(), n, MPI_DOUBLE, all.data(), n, MPI_DOUBLE, handle_.comm);
  });
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = all[i];
    for (std::size_t k = i + values.size(); k < all.size(); k += values.size()) {
      values[i] = fold(values[i], all[k]);
    }
  }
}

std::string MpiCommunicator::broadcast_bytes(std::string bytes, int root) {
  constexpr const char* operation = "broadcast_bytes";
  std::uint64_t length = bytes.size();
  control(operation, [&] { return MPI_Bcast(&length, 1, MPI_UINT64_T, root, handle_.comm); });
  // Checked when every rank knows the length, so that all fail or none does.
  const int n = checked_count(length, 1, operation);
  bytes.resize(length);
  control(operation, [&] { return MPI_Bcast(bytes.data(), n, MPI_CHAR, root, handle_.comm); });
  return bytes;
}

std::vector<std::string> MpiCommunicator::gather_bytes(std::string_view bytes) {
  constexpr const char* operation = "gather_bytes";
  const auto ranks = static_cast<std::size_t>(handle_.size);
  const std::uint64_t length = bytes.size();
  std::vector<std::uint64_t> lengths(ranks);
  control(operation, [&] {
    return MPI_Allgather(&length, 1, MPI_UINT64_T, lengths.data(), 1, MPI_UINT64_T, handle_.comm);
  });
  std::vector<int> counts(ranks);
  std::vector<int> offsets(ranks);
  std::size_t total = 0;
  for (std::size_t r = 0; r < ranks; ++r) {
    offsets[r] = checked_count(total, 1, operation);
    counts[r] = checked_count(lengths[r], 1, operation);
    total += lengths[r];
  }
  std::string all(total, '\0');
  control(operation, [&] {
    return MPI_Allgatherv(bytes.data(), static_cast<int>(length), MPI_CHAR, all.data(),
                          counts.data(), offsets.data(), MPI_CHAR, handle_.comm);
  });
  std::vector<std::string> parts;
  for (std::size_t r = 0; r < ranks; ++r) {
    parts.push_back(all.substr(static_cast<std::size_t>(offsets[r]), lengths[r]));
  }
  return parts;
}

}  // namespace tidemark::comm
