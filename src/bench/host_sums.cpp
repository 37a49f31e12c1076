// SPDX-License-Identifier: BSD-3-Clause
#include "bench/host_sums.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <Kokkos_Core.hpp>

#include "base/pieces.hpp"
#include "comm/algorithms/sums.hpp"

namespace tidemark::bench {

namespace {

/// A thread gets at least so many elements. For fewer, waking it takes longer than the sum.
constexpr std::size_t least_share = 16384;

}  // namespace

void sum_by_threads(DType dtype, void* out, std::span<const void* const> terms, std::size_t count) {
  using Host = Kokkos::DefaultHostExecutionSpace;
  const auto threads = static_cast<std::size_t>(Host().concurrency());
  const std::size_t parts = std::clamp<std::size_t>(count / least_share, 1, threads);
  if (parts == 1) return comm::sum_on_host(dtype, out, terms, count);
  const auto sum_part = [=](const std::int64_t part) {
    const auto first_of = [=](std::int64_t index) {
      return static_cast<std::size_t>(first_of_piece(static_cast<std::int64_t>(count),
                                                     static_cast<std::int64_t>(parts), index));
    };
    const std::size_t first = first_of(part);
    const std::size_t bytes = first * size_of(dtype);
    std::vector<const void*> own;
    for (const void* const term : terms) own.push_back(static_cast<const char*>(term) + bytes);
    comm::sum_on_host(dtype, static_cast<char*>(out) + bytes, own, first_of(part + 1) - first);
  };
  Kokkos::parallel_for("tidemark::sum_by_threads", Kokkos::RangePolicy<Host>(0, parts), sum_part);
  Host().fence();
}

}  // namespace tidemark::bench
