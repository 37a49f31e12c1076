// Where the threads that compute on the host really stand.
#pragma once

#include <vector>

#include "job/cpus.hpp"

namespace tidemark::bench {

/// The cpus that each thread of Kokkos' host space may run on, as each of them is told from inside
/// a parallel region: an OpenMP runtime binds its threads by itself. Needs Kokkos.
std::vector<job::CpuList> cpus_of_threads();

}  // namespace tidemark::bench
