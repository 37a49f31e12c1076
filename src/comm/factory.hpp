// SPDX-License-Identifier: BSD-3-Clause
// Chooses the communicator of a run.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "comm/communicator.hpp"
#include "comm/device_buffers.hpp"

namespace tidemark::comm {

/// The library that carries the collectives. For `automatic` see make_communicator.
enum class Backend { automatic, mpi, nccl, self };

/// What the choice depends on, in plain values.
struct CommunicatorOptions {
  Backend backend = Backend::automatic;
  int ranks = 1;                                           ///< t, tensor-parallel size
  std::chrono::duration<double> timeout{300};              ///< longest time of one blocking call
  std::optional<Algorithm> algorithm = Algorithm::native;  ///< for MPI; nullopt: the fastest
  bool progress_thread = false;                            ///< a thread drives MPI's pending calls
  std::optional<bool> cuts = std::nullopt;                 ///< see MpiOptions
  bool polls = true;                                       ///< see MpiOptions
  /// The compute stream (a cudaStream_t) of the current CUDA device, if buffers are in its memory.
  std::optional<void*> compute_stream = std::nullopt;
  /// How to access the buffers if they are in device memory, of CUDA or another kind. nullopt: they
  /// are in host memory.
  std::optional<DeviceBuffers> device = std::nullopt;
  /// Forms the sums of own algorithms in host memory. A progress thread does so alone.
  SumFunction host_sum = sum_on_host;
  /// Calls must be complete by the host's clock after `wait`, as an emulated link needs it. Then
  /// `automatic` does not choose a communicator that follows a stream.
  bool completes_on_host = false;
  /// Communicator::buffer_memory is needed. `self` does without it.
  bool register_buffers = false;
};

/// Makes the communicator of the tensor-parallel ranks, which are all processes of the job.
/// Collective.
///
/// `automatic` takes `self` for one rank. For more ranks it takes `nccl` under three conditions:
/// buffers are in the memory of CUDA devices, this build has NCCL, and the options set neither an
/// own algorithm nor `completes_on_host`. Otherwise it takes `mpi`. `mpi` and `nccl` also work for
/// one rank. MPI gets device buffers directly if it says that it can access them. Otherwise the
/// data travel through host memory; Communicator::transport tells which.
///
/// Throws InputError if `self` is requested for several ranks, or if `ranks` differs from the
/// number of processes. Throws RunError if MPI is needed and is not running. Throws RunError if
/// NCCL cannot be used, or lacks what the options need.
std::unique_ptr<Communicator> make_communicator(const CommunicatorOptions& options);

/// Whether these options select NCCL: by name, or by `automatic` where NCCL is the best choice.
[[nodiscard]] bool takes_nccl(const CommunicatorOptions& options);

/// A communicator of this process alone, in a job of any size. Each rank computes its own results
/// on it.
std::unique_ptr<Communicator> make_self_communicator(
    const std::optional<DeviceBuffers>& device = std::nullopt);

}  // namespace tidemark::comm
