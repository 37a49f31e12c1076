// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/block_softmax.hpp"

#include <cmath>

#include "base/scalars.hpp"
#include "kernels/exponential.hpp"
#include "kernels/softmax.hpp"

namespace tidemark::kernels {

namespace {

/// Number of the block's keys that are visible to a query row.
KOKKOS_INLINE_FUNCTION int seen_keys(const ScoreBlock& block, std::int64_t row, int keys) {
  if (!block.causal) return keys;
  const std::int64_t visible = block.first_query + row - block.first_key + 1;
  return visible < keys ? static_cast<int>(visible) : keys;
}

/// Global index of a row's first score.
KOKKOS_INLINE_FUNCTION std::int64_t first_score(const ScoreBlock& block, const BatchRow& at) {
  return at.member * block.distance + (block.first_query + at.row) * block.length + block.first_key;
}

/// Bytes of mask that a team draws at a time. They fit into the first-level cache.
constexpr int mask_bytes = 512;
using MaskScratch = Kokkos::View<std::uint8_t*, ExecutionSpace::scratch_memory_space,
                                 Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
int scratch_for_mask() { return static_cast<int>(MaskScratch::shmem_size(mask_bytes)); }

/// Calls `use(j, kept)` for the scores [0, count) of a row, from element `first`; kept is 0 or 1.
template <class Use>
KOKKOS_INLINE_FUNCTION void for_each_drawn(const TeamMember& team, const Dropout& dropout,
                                           std::int64_t first, int count, const Use& use) {
  const MaskScratch scratch(team.team_scratch(0), mask_bytes);
  std::uint8_t* const kept = scratch.data();
  for (int start = 0; start < count; start += mask_bytes) {
    const int width = count - start < mask_bytes ? count - start : mask_bytes;
    draw_mask(team, dropout, first + start, width, kept);
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                         [&](const int j) { use(start + j, kept[j]); });
    team.team_barrier();  // before the next draw overwrites the mask
  }
}

}  // namespace

template <class F>
void begin_online_softmax(Device& device, const MatrixBatch<F>& statistics,
                          const MatrixBatch<F>& sums) {
  const std::int64_t rows = num_rows(sums.first);
  const int width = static_cast<int>(num_columns(sums.first));
  constexpr F lowest = below_all_scores<F>;
  for_each_row(
      device, "tidemark::begin_online_softmax", sums.rows_of_all(),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const BatchRow at = batch_row(team.league_rank(), rows);
        F* const seen_so_far = row_pointer(statistics, at);
        F* const sum = row_pointer(sums, at);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                             [&](const int j) { sum[j] = F(0); });
        Kokkos::single(Kokkos::PerThread(team), [&]() {
          seen_so_far[0] = lowest;
          seen_so_far[1] = F(0);
        });
      });
}

template <class F>
void online_softmax(Device& device, const ScoreBlock& block, const Dropout& dropout,
                    const MatrixBatch<F>& scores, const MatrixBatch<F>& statistics,
                    const MatrixBatch<F>& sums) {
  const std::int64_t rows = num_rows(scores.first);
  const int keys = static_cast<int>(num_columns(scores.first));
  const int width = static_cast<int>(num_columns(sums.first));
  const ScoreBlock place = block;
  const Dropout drop = dropout;
  const F score_scale = static_cast<F>(block.scale);
  const F keep_scale = static_cast<F>(dropout.scale);
  for_each_row(
      device, "tidemark::online_softmax", scores.rows_of_all(),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const BatchRow at = batch_row(team.league_rank(), rows);
        const int seen = seen_keys(place, at.row, keys);
        F* const p = row_pointer(scores, at);
        F* const sum = row_pointer(sums, at);
        F* const seen_so_far = row_pointer(statistics, at);
        const F highest_before = seen_so_far[0];
        const F weight_before = seen_so_far[1];
        F highest = highest_before;
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, seen),
            [&](const int j, F& part) { part = p[j] > part ? p[j] : part; },
            Kokkos::Max<F>(highest));
        highest = highest > highest_before ? highest : highest_before;
        const F shrink = exponential((highest_before - highest) * score_scale);
        const F weight = exponentiate_row(team, p, seen, highest, score_scale);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, keys - seen),
                             [&](const int j) { p[seen + j] = F(0); });
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                             [&](const int j) { sum[j] *= shrink; });
        Kokkos::single(Kokkos::PerThread(team), [&]() {
          seen_so_far[0] = highest;
          seen_so_far[1] = weight_before * shrink + weight;
        });
        if (drop.active) {
          for_each_drawn(
              team, drop, first_score(place, at), seen,
              [&](const int j, const std::uint8_t kept) { p[j] *= keep_scale * F(kept); });
        }
      },
      scratch_for_mask());
}

template <class T>
void end_online_softmax(Device& device, const ScoreBlock& block,
                        const MatrixBatch<Accumulate<T>>& statistics,
                        const MatrixBatch<Accumulate<T>>& sums, const MatrixBatch<T>& context,
                        const MatrixBatch<Accumulate<T>>& log_sum_exp) {
  using F = Accumulate<T>;
  const std::int64_t rows = num_rows(sums.first);
  const int width = static_cast<int>(num_columns(sums.first));
  const F score_scale = static_cast<F>(block.scale);
  for_each_row(
      device, "tidemark::end_online_softmax", sums.rows_of_all(),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const BatchRow at = batch_row(team.league_rank(), rows);
        const F* const sum = row_pointer(sums, at);
        const F* const seen_so_far = row_pointer(statistics, at);
        T* const out = row_pointer(context, at);
        F* const logarithm = row_pointer(log_sum_exp, at);
        const F weight = seen_so_far[1];
        const F norm = F(1) / weight;
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                             [&](const int j) { out[j] = T(sum[j] * norm); });
        Kokkos::single(Kokkos::PerThread(team),
                       [&]() { *logarithm = seen_so_far[0] * score_scale + std::log(weight); });
      });
}

template <class T>
void row_products(Device& device, const MatrixBatch<T>& x, const MatrixBatch<T>& y,
                  const MatrixBatch<Accumulate<T>>& projections) {
  using F = Accumulate<T>;
  const std::int64_t rows = num_rows(x.first);
  const int width = static_cast<int>(num_columns(x.first));
  for_each_row(
      device, "tidemark::row_products", x.rows_of_all(), KOKKOS_LAMBDA(const TeamMember& team) {
        const BatchRow at = batch_row(team.league_rank(), rows);
        const T* const left = row_pointer(x, at);
        const T* const right = row_pointer(y, at);
        F* const projection = row_pointer(projections, at);
        F sum = F(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, width),
            [&](const int j, F& part) { part += F(left[j]) * F(right[j]); }, sum);
        Kokkos::single(Kokkos::PerThread(team), [&]() { *projection = sum; });
      });
}

// P = exp(scale S - lse) are the probabilities, D = mask P / (1 - p), and g is the gradient of D.
// With g' = mask g / (1 - p) and r = sum_j P_j g'_j, the result is dS = scale P (g' - r). r equals
// the row's product of the core output with its gradient.
template <class F>
void block_softmax_backward(Device& device, const ScoreBlock& block, const Dropout& dropout,
                            const MatrixBatch<F>& log_sum_exp, const MatrixBatch<F>& projections,
                            const MatrixBatch<F>& scores, const MatrixBatch<F>& gradient) {
  const std::int64_t rows = num_rows(scores.first);
  const int keys = static_cast<int>(num_columns(scores.first));
  const ScoreBlock place = block;
  const Dropout drop = dropout;
  const F score_scale = static_cast<F>(block.scale);
  const F keep_scale = static_cast<F>(dropout.scale);
  for_each_row(
      device, "tidemark::block_softmax_backward", scores.rows_of_all(),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const BatchRow at = batch_row(team.league_rank(), rows);
        const int seen = seen_keys(place, at.row, keys);
        F* const p = row_pointer(scores, at);
        F* const g = row_pointer(gradient, at);
        const F offset = *row_pointer(log_sum_exp, at);
        const F projection = *row_pointer(projections, at);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen),
                             [&](const int j) { p[j] = exponential(p[j] * score_scale - offset); });
        if (drop.active) {
          for_each_drawn(team, drop, first_score(place, at), seen,
                         [&](const int j, const std::uint8_t kept) {
                           const F factor = keep_scale * F(kept);
                           const F probability = p[j];
                           g[j] = score_scale * probability * (factor * g[j] - projection);
                           p[j] = probability * factor;
                         });
        } else {
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen), [&](const int j) {
            g[j] = score_scale * p[j] * (g[j] - projection);
          });
        }
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, keys - seen), [&](const int j) {
          p[seen + j] = F(0);
          g[seen + j] = F(0);
        });
      },
      scratch_for_mask());
}

#define TIDEMARK_INSTANTIATE(F)                                                                 \
  template void begin_online_softmax<F>(Device&, const MatrixBatch<F>&, const MatrixBatch<F>&); \
  template void online_softmax<F>(Device&, const ScoreBlock&, const Dropout&,                   \
                                  const MatrixBatch<F>&, const MatrixBatch<F>&,                 \
                                  const MatrixBatch<F>&);                                       \
  template void block_softmax_backward<F>(Device&, const ScoreBlock&, const Dropout&,           \
                                          const MatrixBatch<F>&, const MatrixBatch<F>&,         \
                                          const MatrixBatch<F>&, const MatrixBatch<F>&);
TIDEMARK_INSTANTIATE(float)
TIDEMARK_INSTANTIATE(double)
#undef TIDEMARK_INSTANTIATE

#define TIDEMARK_INSTANTIATE(T)                                                                 \
  template void end_online_softmax<T>(Device&, const ScoreBlock&,                               \
                                      const MatrixBatch<Accumulate<T>>&,                        \
                                      const MatrixBatch<Accumulate<T>>&, const MatrixBatch<T>&, \
                                      const MatrixBatch<Accumulate<T>>&);                       \
  template void row_products<T>(Device&, const MatrixBatch<T>&, const MatrixBatch<T>&,          \
                                const MatrixBatch<Accumulate<T>>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
