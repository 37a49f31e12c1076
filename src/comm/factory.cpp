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

bool mpi_is_running() {
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  return initialized != 0 && finalized == 0;
}

Algorithm algorithm_of(const std::string& name) {
  if (name == "auto") return Algorithm::native;  // until something is measured
  for (const Algorithm algorithm : all_algorithms) {
    if (name == name_of(algorithm)) return algorithm;
  }
  throw InputError(fmt::format(
      "comm.algorithm: '{}' is unknown; expected auto, native, pairwise or ring", name));
}

/// Whether the algorithm is one of our own, which are made of MPI's messages.
bool is_of_mpi(const std::string& algorithm) {
  return algorithm != "auto" && algorithm_of(algorithm) != Algorithm::native;
}

int processes_of_job() {
  int size = 1;
  if (mpi_is_running()) MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

void validate(const CommunicatorOptions& options) {
  const std::string& backend = options.backend;
  if (backend != "auto" && backend != "mpi" && backend != "nccl" && backend != "self") {
    throw InputError(
        fmt::format("comm.backend: '{}' is unknown; expected auto, mpi, nccl or self", backend));
  }
  if (backend == "self" && options.ranks != 1) {
    throw InputError(fmt::format("comm.backend: self is for one rank, not for {}", options.ranks));
  }
  if (const int processes = processes_of_job(); processes != options.ranks) {
    throw InputError(fmt::format("parallel.tensor: {} needs {} ranks, but this job has {}",
                                 options.ranks, options.ranks, processes));
  }
}

/// Why buffers cannot be registered; empty where they can, or need not be.
std::string obstacle_to_registering(const CommunicatorOptions& options, bool with_nccl) {
  if (!options.register_buffers) return {};
  if (!with_nccl) {
    const bool was_asked_for = options.backend == "mpi";
    return fmt::format("comm.backend: {} takes MPI here{}", options.backend,
                       was_asked_for             ? ""
                       : !has_nccl()             ? ": this build has no NCCL"
                       : !options.compute_stream ? ": the tensors are on no CUDA device"
                                                 : "");
  }
  // A build without NCCL has a line of its own.
  return has_nccl() && !nccl_registers_buffers() ? "this build's NCCL is older than 2.19.1" : "";
}

std::unique_ptr<Communicator> make_mpi_communicator(const CommunicatorOptions& options) {
  MpiOptions mpi;
  mpi.automatic = options.algorithm == "auto";
  mpi.algorithm = algorithm_of(options.algorithm);
  mpi.progress_thread = options.progress_thread;
  if (!mpi_is_running()) {
    throw RunError(fmt::format("comm.backend: {} is asked for, but MPI is not running",
                               options.backend == "nccl" ? "nccl" : "mpi"));
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

/// What carries the control operations alone.
std::unique_ptr<Communicator> make_control(const CommunicatorOptions& options) {
  CommunicatorOptions control = options;
  control.algorithm = "native";
  control.progress_thread = false;
  control.device.reset();  // they have buffers of their own, in the host's memory
  return make_mpi_communicator(control);
}

}  // namespace

bool takes_nccl(const CommunicatorOptions& options) {
  const bool is_best = options.compute_stream && has_nccl() && !is_of_mpi(options.algorithm) &&
                       !options.completes_on_host;
  return options.backend == "nccl" || (options.backend == "auto" && options.ranks > 1 && is_best);
}

std::unique_ptr<Communicator> make_communicator(const CommunicatorOptions& options) {
  validate(options);
  const bool is_auto = options.backend == "auto";
  if (options.backend == "self" || (is_auto && options.ranks == 1)) {
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
