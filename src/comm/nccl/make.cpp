// SPDX-License-Identifier: BSD-3-Clause
// Makes the NCCL communicator, or the error line that says why there is none.
#include <cuda_runtime_api.h>

#include <fmt/format.h>

#include "base/cuda_error.hpp"
#include "base/error.hpp"
#include "comm/nccl/nccl_communicator.hpp"

namespace tidemark::comm {

namespace {

/// Why this rank cannot take part; empty if it can.
std::string obstacle(const std::optional<void*>& compute_stream) {
  int devices = 0;
  const cudaError_t code = cudaGetDeviceCount(&devices);
  if (code != cudaSuccess) return fmt::format("no CUDA device: {}", describe_cuda(code));
  if (devices == 0) return "no CUDA device";
  if (!compute_stream) {
    return "its tensors are in the host's memory, since its Kokkos does not compute on CUDA";
  }
  return {};
}

}  // namespace

bool has_nccl() noexcept { return true; }

std::unique_ptr<Communicator> make_nccl_communicator(std::unique_ptr<Communicator> control,
                                                     std::optional<void*> compute_stream,
                                                     std::chrono::duration<double> timeout) {
  const std::vector<std::string> obstacles = control->gather_bytes(obstacle(compute_stream));
  for (std::size_t rank = 0; rank < obstacles.size(); ++rank) {
    if (obstacles[rank].empty()) continue;
    throw RunError(
        fmt::format("comm.backend: nccl cannot be used: rank {}: {}", rank, obstacles[rank]),
        Scope::all_ranks);
  }
  return std::make_unique<NcclCommunicator>(std::move(control),
                                            static_cast<CudaStream>(*compute_stream), timeout);
}

}  // namespace tidemark::comm
