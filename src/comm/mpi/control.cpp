// SPDX-License-Identifier: BSD-3-Clause
// The blocking operations of the harness.
#include <cmath>
#include <cstdint>

#include "base/error.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/mpi/pending_calls.hpp"

namespace tidemark::comm {

namespace {

/// A NaN on any rank must show in the result. fmax and fmin would hide it.
double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }
double smaller(double a, double b) { return std::isnan(a) || a < b ? a : b; }
double plus(double a, double b) { return a + b; }

}  // namespace

/// Returns after every rank has called it. It sends messages of its own instead of calling
/// MPI_Barrier. So the error line of an overdue call can name the missing ranks.
void MpiCommunicator::meet(const char* operation) {
  if (handle_.size == 1) return;
  const auto ranks = static_cast<std::size_t>(handle_.size);
  const float here = 1.0F;
  std::vector<float> present(ranks);
  const std::lock_guard lock(mutex_);
  const Clock::time_point posted = Clock::now();
  const std::uint64_t ticket = pending_->start(
      {Operation::all_gather, Purpose::activation, 0, DType::fp32, MPI_FLOAT, &here, present.data(),
       false},
      script_of(Operation::all_gather, Algorithm::pairwise, handle_.rank, handle_.size, 1, 1),
      posted);
  const job::Watchdog::Call watched(watchdog_, operation, posted);
  drive(ticket, posted);
  pending_->retire(ticket);
}

template <class Body>
void MpiCommunicator::control(const char* operation, const Body& body) {
  meet(operation);
  const std::lock_guard lock(mutex_);
  int code = MPI_SUCCESS;
  {
    const job::Watchdog::Call watched(watchdog_, operation);
    code = body();
  }
  check(code, operation);
}

void MpiCommunicator::barrier() { meet("barrier"); }

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
  // All values are gathered and then folded in rank order. MPI_Allreduce may give different bits on
  // different ranks.
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
  // This check comes after every rank knows the length, so that all ranks fail or none.
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
