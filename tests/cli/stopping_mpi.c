/* SPDX-License-Identifier: BSD-3-Clause */
/* A rank that stops (SIGSTOP), dies (SIGKILL) or crashes (SIGSEGV) at a moment that a test names.
 * The library is preloaded before a program's MPI library. Environment:
 *
 *   STOPPING_AT      exec, before main; init, split or finalize: instead of MPI_Init_thread,
 *                    MPI_Comm_split_type or MPI_Finalize; dup, instead of the first MPI_Comm_dup;
 *                    after: when MPI_Finalize has returned
 *   STOPPING_RANK    the rank that it happens to
 *   STOPPING_SIGNAL  its number
 *   STOPPING_PIDS    folder: every process leaves a file there, named by its process id
 */
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From the environment, because MPI may not know it yet. */
static long own_rank(void) {
  static const char* const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (getenv(names[i]) != NULL) return strtol(getenv(names[i]), NULL, 10);
  }
  return -1;
}

static void reach(const char* moment) {
  const char* at = getenv("STOPPING_AT");
  const char* rank = getenv("STOPPING_RANK");
  if (at == NULL || rank == NULL || strcmp(at, moment) != 0) return;
  if (strtol(rank, NULL, 10) == own_rank()) raise((int)strtol(getenv("STOPPING_SIGNAL"), NULL, 10));
}

__attribute__((constructor)) static void start(void) {
  char path[4096];
  FILE* file = NULL;
  if (getenv("STOPPING_PIDS") == NULL || own_rank() < 0) return;
  snprintf(path, sizeof path, "%s/%ld", getenv("STOPPING_PIDS"), (long)getpid());
  file = fopen(path, "w");
  if (file == NULL || fclose(file) != 0) abort();
  reach("exec");
}

int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
  reach("init");
  return PMPI_Init_thread(argc, argv, required, provided);
}

int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm* made) {
  reach("split");
  return PMPI_Comm_split_type(comm, type, key, info, made);
}

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm* made) {
  reach("dup");
  return PMPI_Comm_dup(comm, made);
}

int MPI_Finalize(void) {
  reach("finalize");
  const int code = PMPI_Finalize();
  reach("after");
  return code;
}
