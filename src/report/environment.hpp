// SPDX-License-Identifier: BSD-3-Clause
// What of the environment has a say in the numbers.
#pragma once

#include <nlohmann/json.hpp>

namespace tidemark::report {

/// Variables of threads, MPI, NCCL, devices and Kokkos that this process has, by name, sorted;
/// never all of them, for an environment holds secrets.
nlohmann::ordered_json environment_json();

/// Ids and layout of the Slurm job; null outside of one.
nlohmann::ordered_json slurm_json();

}  // namespace tidemark::report
