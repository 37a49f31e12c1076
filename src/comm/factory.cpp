// SPDX-License-Identifier: BSD-3-Clause
#include "comm/factory.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "comm/first_calls.hpp"
#include "comm/mpi/device_support.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/nccl/nccl_communicator.hpp"
#include "comm/wrappers/self.hpp"
#include "comm/wrappers/staged.hpp"

namespace tidemark::comm {

namespace {

/// Whether the algorithm is one of our own, which consist of MPI messages.
bool is_own(std::optional<Algorithm> algorithm) {
  return algorithm && *algorithm != Algorithm::native;
}

int processes_of_job() {
  int size = 1;
  if (mpi_is_running()) MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

void validate(const CommunicatorOptions& options) {
  if (options.backend == Backend::self && options.ranks != 1) {
    throw InputError(fmt::format("comm.backend: self is for one rank, not for {}", options.ranks));
  }
  if (const int processes = processes_of_job(); processes != options.ranks) {
    throw InputError(fmt::format("parallel.tensor: {} needs {} ranks, but this job has {}",
                                 options.ranks, options.ranks, processes));
  }
}

/// Why buffers cannot be registered; empty if they can be, or need not be.
std::string obstacle_to_registering(const CommunicatorOptions& options, bool with_nccl) {
  if (!options.register_buffers) return {};
  if (!with_nccl) {
    const bool was_asked_for = options.backend == Backend::mpi;
    return fmt::format("comm.backend: {} takes MPI here{}", was_asked_for ? "mpi" : "auto",
                       was_asked_for             ? ""
                       : !has_nccl()             ? ": this build has no NCCL"
                       : !options.compute_stream ? ": the tensors are on no CUDA device"
                                                 : "");
  }
  // A build without NCCL has its own error line elsewhere.
  return has_nccl() && !nccl_registers_buffers() ? "this build's NCCL is older than 2.19.1" : "";
}

std::unique_ptr<Communicator> make_mpi_communicator(const CommunicatorOptions& options) {
  MpiOptions mpi;
  mpi.automatic = !options.algorithm;
  mpi.algorithm = options.algorithm.value_or(Algorithm::native);  // until something is measured
  mpi.progress_thread = options.progress_thread;
  mpi.cuts = options.cuts;
  mpi.polls = options.polls;
  if (!options.progress_thread) mpi.sum = options.host_sum;
  if (!mpi_is_running()) {
    throw RunError(fmt::format("comm.backend: {} is asked for, but MPI is not running",
                               options.backend == Backend::nccl ? "nccl" : "mpi"));
  }
  const bool reaches = options.device && mpi_reaches(options.device->kind);
  if (reaches) {
    mpi.on_device = true;
    mpi.memory = options.device->memory;
    mpi.sum = options.device->sum;
    mpi.use_device = options.device->use_device;
  }
  auto made = std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, options.timeout, mpi);
  if (!options.device || reaches) return made;
  return std::make_unique<Staged>(std::move(made), options.device->staging);
}

/// The communicator that carries only the control operations.
std::unique_ptr<Communicator> make_control(const CommunicatorOptions& options) {
  CommunicatorOptions control = options;
  control.algorithm = Algorithm::native;
  control.progress_thread = false;
  control.device.reset();  // their buffers are in host memory
  return make_mpi_communicator(control);
}

}  // namespace

bool takes_nccl(const CommunicatorOptions& options) {
  const bool is_best = options.compute_stream && has_nccl() && !is_own(options.algorithm) &&
                       !options.completes_on_host;
  const bool may_choose = options.backend == Backend::automatic && options.ranks > 1;
  return options.backend == Backend::nccl || (may_choose && is_best);
}

std::unique_ptr<Communicator> make_communicator(const CommunicatorOptions& options) {
  validate(options);
  const bool is_auto = options.backend == Backend::automatic;
  if (options.backend == Backend::self || (is_auto && options.ranks == 1)) {
    return make_self_communicator(options.device);
  }
  const bool with_nccl = takes_nccl(options);
  if (const std::string why = obstacle_to_registering(options, with_nccl); !why.empty()) {
    throw RunError(fmt::format("comm.register_buffers cannot be used: {}", why), Scope::all_ranks);
  }
  if (with_nccl) {
    auto made =
        make_nccl_communicator(make_control(options), options.compute_stream, options.timeout);
    made->set_context("first calls");
    if (options.device) carry_out_first_calls(*made, options.device->memory);
    made->set_context("set-up");
    return made;
  }
  return make_mpi_communicator(options);
}

std::unique_ptr<Communicator> make_self_communicator(const std::optional<DeviceBuffers>& device) {
  return std::make_unique<SelfCommunicator>(device ? device->copy_in_order
                                                   : SelfCommunicator::CopyInOrder());
}

}  // namespace tidemark::comm
