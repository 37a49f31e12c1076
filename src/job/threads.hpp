// SPDX-License-Identifier: BSD-3-Clause
// How many threads per rank start on the host.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/variables.hpp"

namespace tidemark::job {

/// The number to pass to Kokkos, which also reads the command line and the environment itself.
struct ThreadChoice {
  std::optional<int> number;  ///< nullopt: the user chose it, and nothing is passed
  std::string wrong;          ///< an error line if the user's number is impossible; else ""
};

/// The user's number comes from an option of Kokkos, KOKKOS_NUM_THREADS or OMP_NUM_THREADS, in this
/// order. Without it, the number is `share`, limited by OMP_THREAD_LIMIT and by what Kokkos can
/// start.
ThreadChoice choose_threads(int share, const std::vector<std::string_view>& arguments,
                            const Variables& variable);

}  // namespace tidemark::job
