// What a launcher told this process of those that it started together.
#pragma once

#include <string>

#include "job/variables.hpp"

namespace tidemark::job {

/// Of launchers around one another, the innermost.
struct Launch {
  std::string launcher;  ///< for the user; "" where there is none
  int rank = 0;          ///< of this process
  int processes = 1;     ///< that were started together, at least
  std::string remedy;    ///< how they become one job
};

/// To be called before MPI starts, which sets variables itself.
///
/// Within an allocation of Slurm SLURM_NTASKS and, in a batch script, SLURM_PROCID are set, too,
/// though nothing was started twice there. Only srun's own steps have SLURM_STEP_ID, and what
/// mpirun starts on another node has that of the step of its daemons.
Launch launch_of(const Variables& variable);

/// Whether the launcher holds back what a rank writes to stderr until its line has an end, and then
/// takes the end of a line on stdout for it. PRRTE does so, the launcher of Open MPI 5.
bool mixes_streams(const Variables& variable);

/// The line for processes that were started together and of which MPI takes each for a job of one
/// rank; "" where that is not so. `mpi` names the library and its version.
std::string singleton_line(const Launch& launch, int mpi_size, const std::string& mpi);

}  // namespace tidemark::job
