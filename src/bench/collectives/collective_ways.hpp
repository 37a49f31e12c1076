// SPDX-License-Identifier: BSD-3-Clause
// The ways that `tidemark collectives` can measure in this build on this machine.
#pragma once

#include <string>
#include <vector>

#include "base/device.hpp"
#include "bench/collectives/collective_rates.hpp"
#include "comm/factory.hpp"

namespace tidemark::bench {

/// The ways among all `ranks` processes of the job, on buffers of `device`. Backend `mpi` gives
/// every algorithm that differs on this number of ranks. `nccl` gives NCCL. `automatic` gives those
/// of MPI, and also NCCL if a run would take it. Collective. Throws as comm::make_communicator
/// does.
std::vector<CollectiveWay> collective_ways(const Device& device, int ranks, comm::Backend backend,
                                           DType dtype, double timeout_s);

/// The memory that holds activations.
BufferPlace activations_place(const Device& device);

}  // namespace tidemark::bench
