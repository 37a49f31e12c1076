// Chooses the communicator of a run.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "comm/communicator.hpp"
#include "comm/device_buffers.hpp"

namespace tidemark::comm {

/// Who carries the collectives; `automatic`: see make_communicator.
enum class Backend { automatic, mpi, nccl, self };

/// What the choice depends on, in plain values.
struct CommunicatorOptions {
  Backend backend = Backend::automatic;
  int ranks = 1;                               ///< tensor-parallel size t
  std::chrono::duration<double> timeout{300};  ///< longest time that one blocking call may take
  std::optional<Algorithm> algorithm = Algorithm::native;  ///< of MPI; nullopt: the fastest
  bool progress_thread = false;  ///< MPI's calls under way are driven by a thread
  /// Where buffers are in the memory of a CUDA device, the current one: the stream that computes on
  /// it, a cudaStream_t.
  std::optional<void*> compute_stream = std::nullopt;
  /// Where buffers are in a device's memory, of CUDA or another: how to get at it. nullopt: they
  /// are in the host's.
  std::optional<DeviceBuffers> device = std::nullopt;
  /// Whoever waits for a call needs it complete by the host's clock, as an emulated link does: what
  /// follows a stream will not do, and `automatic` does not choose it.
  bool completes_on_host = false;
  /// Communicator::buffer_memory is needed. `self` does without.
  bool register_buffers = false;
};

/// Makes the communicator of the tensor-parallel ranks, which are all processes of the job; a
/// collective call. `automatic` takes `self` for one rank; for more, `nccl` where buffers are in
/// the memory of CUDA devices, this build has NCCL, and neither an algorithm of MPI's collectives
/// nor `completes_on_host` is asked for; else `mpi`. `mpi` and `nccl` work for one rank, too. MPI
/// gets buffers of a device as they are where it says that it can reach them, else through the
/// host's memory; Communicator::transport tells which.
///
/// Throws InputError where `self` is asked for more than one rank, or `ranks` differs from the
/// number of processes; RunError where MPI is needed and is not running, or NCCL cannot be used, or
/// not for what is needed of it.
std::unique_ptr<Communicator> make_communicator(const CommunicatorOptions& options);

/// Whether these ask for NCCL, or leave it to what is best, which NCCL is.
[[nodiscard]] bool takes_nccl(const CommunicatorOptions& options);

/// A communicator of this process alone, in any job: for what each rank computes by itself.
std::unique_ptr<Communicator> make_self_communicator(
    const std::optional<DeviceBuffers>& device = std::nullopt);

}  // namespace tidemark::comm
