// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/softmax.hpp"

#include <cmath>
#include <type_traits>

#include "base/scalars.hpp"
#include "kernels/exponential.hpp"

namespace tidemark::kernels {

template <class T>
void softmax_dropout_forward(Device& device, const ScoreShape& shape, const Dropout& dropout,
                             const MatrixBatch<Accumulate<T>>& scores,
                             const MatrixBatch<T>& probabilities,
                             const MatrixBatch<std::uint8_t>& mask, const MatrixBatch<T>& dropped) {
  using F = Accumulate<T>;
  const bool makes_factor = is_narrow<T> && shape.makes_factor;
  const std::int64_t rows = num_rows(scores.first);
  const int keys = static_cast<int>(num_columns(scores.first));
  const F score_scale = static_cast<F>(shape.scale);
  const bool causal = shape.causal;
  const std::int64_t first_query = shape.first_query;
  const std::int64_t distance = shape.distance;
  const Dropout drop = dropout;
  const F keep_scale = static_cast<F>(dropout.scale);
  for_each_row(
      device, "tidemark::softmax_dropout_forward", scores.rows_of_all(),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const BatchRow at = batch_row(team.league_rank(), rows);
        const int seen = causal ? static_cast<int>((first_query + at.row) % keys) + 1 : keys;
        F* const x = row_pointer(scores, at);
        T* const p = row_pointer(probabilities, at);
        F highest = x[0];
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, seen),
            [&](const int j, F& part) { part = x[j] > part ? x[j] : part; },
            Kokkos::Max<F>(highest));
        const F sum = exponentiate_row(team, x, seen, highest, score_scale);
        const F norm = F(1) / sum;
        const int hidden = keys - seen;
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, hidden), [&](const int j) {
          p[seen + j] = T(F(0));
          if (makes_factor) x[seen + j] = F(0);
        });
        if (!drop.active) {
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen),
                               [&](const int j) { p[j] = T(x[j] * norm); });
          if (makes_factor) {
            Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen),
                                 [&](const int j) { x[j] = F(p[j]); });
          }
          return;
        }
        T* const d = row_pointer(dropped, at);
        std::uint8_t* const kept = row_pointer(mask, at);
        // Hidden keys are zero in any case, so drawing their words would be wasted work.
        draw_mask(team, drop, at.member * distance + at.row * keys, seen, kept);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, hidden),
                             [&](const int j) { kept[seen + j] = 0; });
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, hidden),
                             [&](const int j) { d[seen + j] = T(F(0)); });
        // One array is written per loop, because a compiler vectorises loops of more arrays badly.
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen),
                             [&](const int j) { p[j] = T(x[j] * norm); });
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen),
                             [&](const int j) { d[j] = T(F(p[j]) * (keep_scale * F(kept[j]))); });
        if (makes_factor) {
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen),
                               [&](const int j) { x[j] = F(d[j]); });
        }
      });
}

// With P = softmax(scale S) and g the gradient of P: dS = scale P (g - sum_j P_j g_j).
template <class T>
void softmax_dropout_backward(Device& device, const ScoreShape& shape, const Dropout& dropout,
                              const MatrixBatch<T>& probabilities,
                              const MatrixBatch<std::uint8_t>& mask,
                              const MatrixBatch<Accumulate<T>>& gradient) {
  using F = Accumulate<T>;
  const std::int64_t rows = num_rows(probabilities.first);
  const int keys = static_cast<int>(num_columns(probabilities.first));
  const F score_scale = static_cast<F>(shape.scale);
  const bool causal = shape.causal;
  const std::int64_t first_query = shape.first_query;
  const bool active = dropout.active;
  const F keep_scale = static_cast<F>(dropout.scale);
  for_each_row(
      device, "tidemark::softmax_dropout_backward", probabilities.rows_of_all(),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const BatchRow at = batch_row(team.league_rank(), rows);
        const int seen = causal ? static_cast<int>((first_query + at.row) % keys) + 1 : keys;
        const T* const p = row_pointer(probabilities, at);
        F* const g = row_pointer(gradient, at);
        if (active) {
          const std::uint8_t* const kept = row_pointer(mask, at);
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen),
                               [&](const int j) { g[j] *= keep_scale * F(kept[j]); });
        }
        F projection = F(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, seen),
            [&](const int j, F& part) { part += F(p[j]) * g[j]; }, projection);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen), [&](const int j) {
          g[j] = score_scale * F(p[j]) * (g[j] - projection);
        });
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, keys - seen),
                             [&](const int j) { g[seen + j] = F(0); });
      });
}

#define TIDEMARK_INSTANTIATE(T)                                                        \
  template void softmax_dropout_forward<T>(                                            \
      Device&, const ScoreShape&, const Dropout&, const MatrixBatch<Accumulate<T>>&,   \
      const MatrixBatch<T>&, const MatrixBatch<std::uint8_t>&, const MatrixBatch<T>&); \
  template void softmax_dropout_backward<T>(                                           \
      Device&, const ScoreShape&, const Dropout&, const MatrixBatch<T>&,               \
      const MatrixBatch<std::uint8_t>&, const MatrixBatch<Accumulate<T>>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
