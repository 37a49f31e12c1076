// SPDX-License-Identifier: BSD-3-Clause
#include "comm/mpi/control.hpp"

#include <cmath>
#include <cstdint>

namespace tidemark::comm {

namespace {

/// A NaN on any rank must show in the result. fmax and fmin would hide it.
double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }
double smaller(double a, double b) { return std::isnan(a) || a < b ? a : b; }
double plus(double a, double b) { return a + b; }

}  // namespace

/// Sends messages of its own instead of calling MPI_Barrier. So the error line of an overdue call
/// can name the missing ranks.
void MpiControl::meet(const char* operation) {
  const int ranks = handle_.size();
  if (ranks == 1) return;
  const float here = 1.0F;
  std::vector<float> present(static_cast<std::size_t>(ranks));
  const Call call{
      Operation::all_gather, Purpose::activation, DType::fp32, &here, present.data(), 1};
  progress_.run(
      operation, {call, 0, false},
      script_of(call.operation, Algorithm::pairwise, handle_.rank(), ranks, call.count, 1));
}

template <class Body>
void MpiControl::carry_out(const char* operation, const Body& body) {
  meet(operation);
  progress_.carry_out(operation, body);
}

void MpiControl::max_over_ranks(std::span<double> values) {
  fold_over_ranks(values, larger, "max_over_ranks");
}

void MpiControl::min_over_ranks(std::span<double> values) {
  fold_over_ranks(values, smaller, "min_over_ranks");
}

void MpiControl::sum_over_ranks(std::span<double> values) {
  fold_over_ranks(values, plus, "sum_over_ranks");
}

void MpiControl::fold_over_ranks(std::span<double> values, Fold fold, const char* operation) {
  // All values are gathered and then folded in rank order. MPI_Allreduce may give different bits on
  // different ranks.
  const int n = handle_.checked_count(values.size(), handle_.size(), operation);
  std::vector<double> all(values.size() * static_cast<std::size_t>(handle_.size()));
  carry_out(operation, [&] {
    return MPI_Allgather(values.data(), n, MPI_DOUBLE, all.data(), n, MPI_DOUBLE, handle_.comm());
  });
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = all[i];
    for (std::size_t k = i + values.size(); k < all.size(); k += values.size()) {
      values[i] = fold(values[i], all[k]);
    }
  }
}

std::string MpiControl::broadcast_bytes(std::string bytes, int root) {
  constexpr const char* operation = "broadcast_bytes";
  std::uint64_t length = bytes.size();
  carry_out(operation, [&] { return MPI_Bcast(&length, 1, MPI_UINT64_T, root, handle_.comm()); });
  // This check comes after every rank knows the length, so that all ranks fail or none.
  const int n = handle_.checked_count(length, 1, operation);
  bytes.resize(length);
  carry_out(operation, [&] { return MPI_Bcast(bytes.data(), n, MPI_CHAR, root, handle_.comm()); });
  return bytes;
}

std::vector<std::string> MpiControl::gather_bytes(std::string_view bytes) {
  constexpr const char* operation = "gather_bytes";
  const auto ranks = static_cast<std::size_t>(handle_.size());
  const std::uint64_t length = bytes.size();
  std::vector<std::uint64_t> lengths(ranks);
  carry_out(operation, [&] {
    return MPI_Allgather(&length, 1, MPI_UINT64_T, lengths.data(), 1, MPI_UINT64_T, handle_.comm());
  });
  std::vector<int> counts(ranks);
  std::vector<int> offsets(ranks);
  std::size_t total = 0;
  for (std::size_t r = 0; r < ranks; ++r) {
    offsets[r] = handle_.checked_count(total, 1, operation);
    counts[r] = handle_.checked_count(lengths[r], 1, operation);
    total += lengths[r];
  }
  std::string all(total, '\0');
  carry_out(operation, [&] {
    return MPI_Allgatherv(bytes.data(), static_cast<int>(length), MPI_CHAR, all.data(),
                          counts.data(), offsets.data(), MPI_CHAR, handle_.comm());
  });
  std::vector<std::string> parts;
  for (std::size_t r = 0; r < ranks; ++r) {
    parts.push_back(all.substr(static_cast<std::size_t>(offsets[r]), lengths[r]));
  }
  return parts;
}

}  // namespace tidemark::comm
