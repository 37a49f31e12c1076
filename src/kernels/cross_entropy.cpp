// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/cross_entropy.hpp"

#include <cmath>

#include "kernels/exponential.hpp"
#include "kernels/softmax.hpp"

namespace tidemark::kernels {

namespace {

/// Maximum and sum of exponentials of a token over all ranks, and the logit of its label.
template <class F>
struct Combined {
  F highest;
  F sum;
  F label;
};

template <class F>
KOKKOS_INLINE_FUNCTION Combined<F> combine(const Matrix<F>& statistics, std::int64_t ranks,
                                           std::int64_t tokens, std::int64_t token) {
  Combined<F> all{statistics(token, 0), F(0), F(0)};
  for (std::int64_t rank = 1; rank < ranks; ++rank) {
    const F highest = statistics(rank * tokens + token, 0);
    all.highest = highest > all.highest ? highest : all.highest;
  }
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    const std::int64_t row = rank * tokens + token;
    all.sum += statistics(row, 1) * std::exp(statistics(row, 0) - all.highest);
    all.label += statistics(row, 2);
  }
  return all;
}

}  // namespace

template <class F>
void cross_entropy_statistics(Device& device, const Tokens& tokens, const VocabularyShard& shard,
                              const Matrix<F>& logits, const Matrix<F>& statistics) {
  constexpr F lowest = below_all_scores<F>;
  const int valid = static_cast<int>(shard.valid);
  const std::int64_t first_id = shard.first_id;
  const Tokens text = tokens;
  for_each_row(
      device, "tidemark::cross_entropy_statistics", num_rows(logits),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        const F* const x = row_pointer(logits, row);
        F highest = lowest;
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, valid),
            [&](const int j, F& part) { part = x[j] > part ? x[j] : part; },
            Kokkos::Max<F>(highest));
        highest = highest > lowest ? highest : lowest;
        F sum = F(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, valid),
            [&](const int j, F& part) { part += exponential(x[j] - highest); }, sum);
        const std::int64_t label = text.label(row) - first_id;
        Kokkos::single(Kokkos::PerThread(team), [&]() {
          statistics(row, 0) = highest;
          statistics(row, 1) = sum;
          statistics(row, 2) = label >= 0 && label < valid ? x[label] : F(0);
        });
      });
}

template <class F>
double cross_entropy_forward(Device& device, const VocabularyShard& shard, std::int64_t ranks,
                             const Matrix<F>& statistics, const Matrix<F>& logits) {
  if (!device.launches()) return 0.0;
  const int valid = static_cast<int>(shard.valid);
  const int width = static_cast<int>(num_columns(logits));
  const std::int64_t tokens = num_rows(logits);
  for_each_row(
      device, "tidemark::cross_entropy_forward", tokens, KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        F* const x = row_pointer(logits, row);
        const Combined<F> all = combine(statistics, ranks, tokens, row);
        const F norm = F(1) / all.sum;
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, valid),
                             [&](const int j) { x[j] = exponential(x[j] - all.highest) * norm; });
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width - valid),
                             [&](const int j) { x[valid + j] = F(0); });
      });
  double loss = 0.0;
  using Range = Kokkos::RangePolicy<ExecutionSpace, Kokkos::IndexType<std::int64_t>>;
  Kokkos::parallel_reduce(
      "tidemark::cross_entropy_loss", Range(*device.exec, 0, tokens),
      KOKKOS_LAMBDA(const std::int64_t row, double& part) {
        const Combined<F> all = combine(statistics, ranks, tokens, row);
        part += static_cast<double>(all.highest) + std::log(static_cast<double>(all.sum)) -
                static_cast<double>(all.label);
      },
      loss);
  return loss;
}

template <class F>
void cross_entropy_backward(Device& device, const Tokens& tokens, const VocabularyShard& shard,
                            const Matrix<F>& softmax) {
  const int width = static_cast<int>(num_columns(softmax));
  const std::int64_t valid = shard.valid;
  const std::int64_t first_id = shard.first_id;
  const Tokens text = tokens;
  const F mean = F(1) / static_cast<F>(num_rows(softmax));
  for_each_row(
      device, "tidemark::cross_entropy_backward", num_rows(softmax),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        F* const p = row_pointer(softmax, row);
        const std::int64_t label = text.label(row) - first_id;
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                             [&](const int j) { p[j] *= mean; });
        // The lane that changes the label's element may not be the one that scaled it.
        team.team_barrier();
        Kokkos::single(Kokkos::PerThread(team), [&]() {
          if (label >= 0 && label < valid) p[label] -= mean;
        });
      });
}

#define TIDEMARK_INSTANTIATE(F)                                                          \
  template void cross_entropy_statistics(Device&, const Tokens&, const VocabularyShard&, \
                                         const Matrix<F>&, const Matrix<F>&);            \
  template double cross_entropy_forward(Device&, const VocabularyShard&, std::int64_t,   \
                                        const Matrix<F>&, const Matrix<F>&);             \
  template void cross_entropy_backward(Device&, const Tokens&, const VocabularyShard&,   \
                                       const Matrix<F>&);
TIDEMARK_INSTANTIATE(float)
TIDEMARK_INSTANTIATE(double)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
