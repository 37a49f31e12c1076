// SPDX-License-Identifier: BSD-3-Clause
// Where the threads that compute on the host run.
#pragma once

#include <vector>

#include "job/cpus.hpp"

namespace tidemark::bench {

/// The cpus on which each thread of Kokkos' host space may run. Each thread reads its own cpus in a
/// parallel region, because an OpenMP runtime binds its threads itself. Needs Kokkos.
std::vector<job::CpuList> cpus_of_threads();

}  // namespace tidemark::bench
