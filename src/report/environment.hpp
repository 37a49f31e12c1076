// SPDX-License-Identifier: BSD-3-Clause
// The part of the environment that affects the numbers.
#pragma once

#include <nlohmann/json.hpp>

namespace tidemark::report {

/// The variables of threads, MPI, NCCL, devices and Kokkos that this process has, sorted by name.
/// Other variables are never recorded, because an environment holds secrets.
nlohmann::ordered_json environment_json();

/// Ids and layout of the Slurm job; null outside of a job.
nlohmann::ordered_json slurm_json();

}  // namespace tidemark::report
