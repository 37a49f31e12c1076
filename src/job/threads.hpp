// How many threads a rank starts on the host.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/variables.hpp"

namespace tidemark::job {

/// What is to be handed to Kokkos, which reads the command line and the environment itself.
struct ThreadChoice {
  std::optional<int> number;  ///< nullopt: the user chose, nothing is to be set
  std::string wrong;          ///< a line where the user asks for what cannot be; else ""
};

/// The user's number, by an option of Kokkos, KOKKOS_NUM_THREADS or OMP_NUM_THREADS, in this order;
/// else `share`, within OMP_THREAD_LIMIT and what Kokkos can start.
ThreadChoice choose_threads(int share, const std::vector<std::string_view>& arguments,
                            const Variables& variable);

}  // namespace tidemark::job
