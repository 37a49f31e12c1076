// Chooses the communicator of a run.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "comm/communicator.hpp"

namespace tidemark::comm {

/// What the choice depends on, in plain values.
struct CommunicatorOptions {
  std::string backend = "auto";                ///< auto, mpi or self
  int ranks = 1;                               ///< tensor-parallel size t
  std::chrono::duration<double> timeout{300};  ///< longest time that one blocking call may take
  std::string algorithm = "native";            ///< of MPI: native, pairwise, ring or auto
  bool progress_thread = false;                ///< calls under way are driven by a thread
};

/// Makes the communicator of the tensor-parallel ranks, which are all processes of the job; a
/// collective call. "auto" takes "self" for one rank and "mpi" for more; "mpi" works for one, too.
///
/// Throws InputError where `backend` or `algorithm` is unknown, "self" is asked for more than one
/// rank, or `ranks` differs from the number of processes; RunError where MPI is needed and is not
/// running.
std::unique_ptr<Communicator> make_communicator(const CommunicatorOptions& options);

/// A communicator of this process alone, in any job: for what each rank computes by itself.
std::unique_ptr<Communicator> make_self_communicator();

}  // namespace tidemark::comm
