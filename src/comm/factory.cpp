#include "comm/factory.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "comm/mpi.hpp"
#include "comm/self.hpp"

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

int processes_of_job() {
  int size = 1;
  if (mpi_is_running()) MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

}  // namespace

std::unique_ptr<Communicator> make_communicator(const CommunicatorOptions& options) {
  const bool single = options.ranks == 1;
  if (options.backend != "auto" && options.backend != "mpi" && options.backend != "self") {
    throw InputError(
        fmt::format("comm.backend: '{}' is unknown; expected auto, mpi or self", options.backend));
  }
  if (options.backend == "self" && !single) {
    throw InputError(fmt::format("comm.backend: self is for one rank, not for {}", options.ranks));
  }
  if (const int processes = processes_of_job(); processes != options.ranks) {
    throw InputError(fmt::format("parallel.tensor: {} needs {} ranks, but this job has {}",
                                 options.ranks, options.ranks, processes));
  }
  if (options.backend == "self" || (options.backend == "auto" && single)) {
    return make_self_communicator();
  }
  MpiOptions mpi;
  mpi.automatic = options.algorithm == "auto";
  mpi.algorithm = algorithm_of(options.algorithm);
  mpi.progress_thread = options.progress_thread;
  if (!mpi_is_running()) throw RunError("comm.backend: mpi is asked for, but MPI is not running");
  return std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, options.timeout, mpi);
}

std::unique_ptr<Communicator> make_self_communicator() {
  return std::make_unique<SelfCommunicator>();
}

}  // namespace tidemark::comm
