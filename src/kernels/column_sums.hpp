// SPDX-License-Identifier: BSD-3-Clause
// Sums over the rows of a matrix, fused with the elementwise work that produces the terms.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/device.hpp"

namespace tidemark::kernels::detail {

/// How teams divide a matrix. On a host one team has all threads and reads whole rows, because
/// memory is fast for those who read on. More threads than a team may have make teams for strips of
/// columns. A GPU needs many small teams.
struct Division {
  std::int64_t columns;  ///< columns of a team's strip
  int threads;           ///< per team
  int lanes;             ///< per thread, along the columns
  int scratch_level;     ///< of the partial sums
};

/// For a rank with so many threads. `column_bytes`: bytes of one column's partial sums.
inline Division division_of(std::int64_t columns, std::int64_t column_bytes, std::int64_t threads) {
  if (!runs_on_host) return {32, 16, 32, 0};
  constexpr std::int64_t most_bytes = 16 << 20;  // Kokkos grants 20 MB per team
  constexpr std::int64_t most_threads = 64;      // of a team of Kokkos on a host
  const std::int64_t teams = (threads + most_threads - 1) / most_threads;
  const std::int64_t strip = std::clamp<std::int64_t>(
      (columns + teams - 1) / teams, 1, std::max<std::int64_t>(1, most_bytes / column_bytes));
  const std::int64_t that_fit = std::max<std::int64_t>(1, most_bytes / (strip * column_bytes));
  return {strip, static_cast<int>(std::min(that_fit, threads / teams)), 1, 1};
}

/// The rows that one thread of a team adds.
struct RowsOfThread {
  std::int64_t first, end, step;
};

/// Consecutive rows on a host, whose cores fetch ahead. On a device the threads of a team read
/// rows that lie side by side at the same time.
KOKKOS_INLINE_FUNCTION RowsOfThread rows_of_thread(std::int64_t rows, int thread, int threads) {
  if (!runs_on_host) return {thread, rows, threads};
  return {rows * thread / threads, rows * (thread + 1) / threads, 1};
}

/// A thread's sums of N terms for the columns of a strip.
template <class T>
struct PartialSums {
  T* first;
  std::int64_t distance;  ///< from the sums of one term to those of the next

  [[nodiscard]] KOKKOS_INLINE_FUNCTION T* of_term(int n) const { return first + n * distance; }
};

/// Sums N terms over all rows: sums[n][column] = sum over rows of term n.
///
/// `add_row(team, row, first, width, partial)` adds the terms of columns [first, first + width) of
/// one row to `partial.of_term(n)[j]`, with j from 0. It uses its own ThreadVectorRange. Each
/// thread of a team adds its rows in ascending order. Then the threads' sums are added in order.
/// The result depends on the number of threads, and not on scheduling. T is the type of the sums.
template <class T, int N, class AddRow>
void column_sums(Device& device, const char* label, std::int64_t rows, std::int64_t columns,
                 const AddRow& add_row, const Kokkos::Array<Vector<T>, N>& sums) {
  if (!device.launches() || columns == 0) return;
  const KernelNote note(device, label);
  using Scratch = Kokkos::View<T*, ExecutionSpace::scratch_memory_space,
                               Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  const Division by =
      division_of(columns, N * static_cast<std::int64_t>(sizeof(T)), device.exec->concurrency());
  const int strips = checked_teams(label, (columns + by.columns - 1) / by.columns);
  const std::int64_t thread_terms = N * by.columns;
  const std::int64_t team_terms = by.threads * thread_terms;
  TeamPolicy policy(*device.exec, strips, by.threads, by.lanes);
  policy.set_scratch_size(
      by.scratch_level,
      Kokkos::PerTeam(static_cast<int>(Scratch::shmem_size(static_cast<std::size_t>(team_terms)))));
  Kokkos::parallel_for(
      label, policy, KOKKOS_LAMBDA(const TeamMember& team) {
        const Scratch scratch(team.team_scratch(by.scratch_level), team_terms);
        const std::int64_t first = static_cast<std::int64_t>(team.league_rank()) * by.columns;
        const std::int64_t left = columns - first;
        const int width = static_cast<int>(left < by.columns ? left : by.columns);
        const PartialSums<T> partial{scratch.data() + team.team_rank() * thread_terms, by.columns};
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, static_cast<int>(thread_terms)),
                             [&](const int j) { partial.first[j] = T(0); });
        const RowsOfThread own = rows_of_thread(rows, team.team_rank(), by.threads);
        for (std::int64_t row = own.first; row < own.end; row += own.step) {
          add_row(team, row, first, width, partial);
        }
        team.team_barrier();
        // Each thread adds the sums of some columns, in the order of the threads.
        const int share = (width + by.threads - 1) / by.threads;
        const int begin = team.team_rank() * share;
        const int end = begin + share < width ? begin + share : width;
        const int count = begin < end ? end - begin : 0;
        for (int n = 0; n < N; ++n) {
          T* const total = scratch.data() + n * by.columns + begin;
          for (int thread = 1; thread < by.threads; ++thread) {
            const T* const added = total + thread * thread_terms;
            Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, count),
                                 [&](const int j) { total[j] += added[j]; });
          }
          T* const out = sums[n].data() + first + begin;
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, count),
                               [&](const int j) { out[j] = total[j]; });
        }
      });
}

}  // namespace tidemark::kernels::detail
