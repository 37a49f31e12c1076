// What `tidemark collectives` can measure in this build on this machine.
#pragma once

#include <string>
#include <vector>

#include "base/device.hpp"
#include "bench/collectives/collective_rates.hpp"
#include "comm/factory.hpp"

namespace tidemark::bench {

/// The ways that runs have on buffers where kernels of `device` work, among all `ranks` processes
/// of the job: with backend `mpi` every algorithm that differs on so many ranks, `nccl` NCCL,
/// `automatic` NCCL where that is what a run takes, and MPI beside it. Collective. Throws as
/// comm::make_communicator does.
std::vector<CollectiveWay> collective_ways(const Device& device, int ranks, comm::Backend backend,
                                           DType dtype, double timeout_s);

/// The memory in which activations lie.
BufferPlace activations_place(const Device& device);

}  // namespace tidemark::bench
