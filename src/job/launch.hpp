// SPDX-License-Identifier: BSD-3-Clause
// What a launcher told this process about the processes that it started together.
#pragma once

#include <string>

#include "job/variables.hpp"

namespace tidemark::job {

/// If launchers are nested, this describes the innermost.
struct Launch {
  std::string launcher;  ///< for the user; "" if there is none
  int rank = 0;          ///< of this process
  int processes = 1;     ///< least number of processes that were started together
  std::string remedy;    ///< how these processes can become one job
};

/// Reads the launcher's variables. Call it before MPI starts, because MPI sets variables itself.
///
/// An allocation of Slurm sets SLURM_NTASKS, and a batch script SLURM_PROCID, although it starts
/// only one process. Only steps of srun have SLURM_STEP_ID. A process that mpirun starts on another
/// node has the SLURM_STEP_ID of its daemon's step.
Launch launch_of(const Variables& variable);

/// Whether the launcher mixes a rank's streams. It holds stderr back until a line ends, but also
/// takes the end of a line on stdout for this. PRRTE, the launcher of Open MPI 5, does so.
bool mixes_streams(const Variables& variable);

/// The line for processes that were started together, if MPI takes each for a job of one rank; ""
/// otherwise. `mpi` is the name and version of the library.
std::string singleton_line(const Launch& launch, int mpi_size, const std::string& mpi);

}  // namespace tidemark::job
