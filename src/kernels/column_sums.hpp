// SPDX-License-Identifier: BSD-3-Clause
// Sums over the rows of a matrix, fused with the elementwise work that produces the terms.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/device.hpp"

namespace tidemark::kernels::detail {

/// A host core keeps a long strip of columns in its first-level cache. A GPU needs many small teams
/// whose threads share the rows.
inline constexpr int strip_columns = runs_on_host ? 512 : 32;
inline constexpr int strip_threads = runs_on_host ? 1 : 16;
inline constexpr int strip_lanes = runs_on_host ? 1 : 32;

/// Columns per team. On a host all threads get a strip, if there are enough columns: at least 32,
/// which are one or two cache lines. A column's sum does not depend on the width of its strip.
inline std::int64_t strip_width(const Device& device, std::int64_t columns) {
  if (!runs_on_host) return strip_columns;
  constexpr std::int64_t least = 32;
  const std::int64_t threads = device.exec->concurrency();
  const std::int64_t share = (columns + threads - 1) / threads;
  return std::clamp<std::int64_t>((share + least - 1) / least * least, least, strip_columns);
}

/// Sums N terms over all rows: sums[n][column] = sum over rows of term n.
///
/// `add_row(team, row, first, width, partial)` adds the terms of columns [first, first + width) of
/// one row to `partial[n * strip_columns + j]`, with j from 0. It uses its own ThreadVectorRange.
/// Each thread of a team adds its rows in ascending order. Then the threads' sums are added in
/// order, so the result does not depend on scheduling. T is the type of the sums.
template <class T, int N, class AddRow>
void column_sums(Device& device, const char* label, std::int64_t rows, std::int64_t columns,
                 const AddRow& add_row, const Kokkos::Array<Vector<T>, N>& sums) {
  if (!device.launches()) return;
  const KernelNote note(device, label);
  using Scratch = Kokkos::View<T*, ExecutionSpace::scratch_memory_space,
                               Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  const std::int64_t strip = strip_width(device, columns);
  const int strips = checked_teams(label, (columns + strip - 1) / strip);
  constexpr int thread_terms = N * strip_columns;
  constexpr int team_terms = thread_terms * strip_threads;
  TeamPolicy policy(*device.exec, strips, strip_threads, strip_lanes);
  policy.set_scratch_size(0, Kokkos::PerTeam(static_cast<int>(Scratch::shmem_size(team_terms))));
  Kokkos::parallel_for(
      label, policy, KOKKOS_LAMBDA(const TeamMember& team) {
        const Scratch scratch(team.team_scratch(0), team_terms);
        const std::int64_t first = static_cast<std::int64_t>(team.league_rank()) * strip;
        const std::int64_t left = columns - first;
        const int width = static_cast<int>(left < strip ? left : strip);
        T* const partial = scratch.data() + team.team_rank() * thread_terms;
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, thread_terms),
                             [&](const int j) { partial[j] = T(0); });
        for (std::int64_t row = team.team_rank(); row < rows; row += strip_threads) {
          add_row(team, row, first, width, partial);
        }
        team.team_barrier();
        if (team.team_rank() == 0) {
          for (int n = 0; n < N; ++n) {
            T* const out = sums[n].data() + first;
            const T* const terms = scratch.data() + n * strip_columns;
            Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
              T sum = terms[j];
              for (int thread = 1; thread < strip_threads; ++thread) {
                sum += terms[thread * thread_terms + j];
              }
              out[j] = sum;
            });
          }
        }
      });
}

}  // namespace tidemark::kernels::detail
