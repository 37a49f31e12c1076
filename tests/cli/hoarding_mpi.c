/* SPDX-License-Identifier: BSD-3-Clause */
/* An MPI that hides memory. It is preloaded before a program's MPI library. Every all-reduce leaves
 * allocations behind, and all their memory is touched. They have HOARDING_MPI_FACTOR (1) times the
 * size of the largest message so far. The data are sound.
 */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

/* Visible to other files, so that the compiler cannot remove the allocations. */
char* hoarding_mpi_last = NULL;

int MPI_Allreduce(const void* send, void* recv, int count, MPI_Datatype type, MPI_Op op,
                  MPI_Comm comm) {
  static size_t hoarded = 0;
  const char* factor = getenv("HOARDING_MPI_FACTOR");
  int size = 0;
  PMPI_Type_size(type, &size);
  const size_t wanted =
      (size_t)count * (size_t)size * (size_t)(factor == NULL ? 1 : strtol(factor, NULL, 10));
  if (wanted > hoarded) {
    char* const hoard = malloc(wanted - hoarded);
    if (hoard == NULL) abort();
    memset(hoard, 1, wanted - hoarded);
    hoarding_mpi_last = hoard;
    hoarded = wanted;
  }
  return PMPI_Allreduce(send, recv, count, type, op, comm);
}
