/* SPDX-License-Identifier: BSD-3-Clause */
/* An MPI that fails on demand. It is preloaded before a program's MPI library, intercepts some
 * calls, and passes them on through the profiling interface. Environment:
 *
 *   FAULTY_MPI_PIDS         folder: every rank leaves a file there, named by its process id, with
 *                           its rank as content
 *   FAULTY_MPI_KIND         add:   one element of the received data is 1 too large
 *                           nan:   one element of it is not a number
 *                           hang:  the call never returns
 *                           error: the call returns an error code and is not carried out
 *                           kill:  the process dies of SIGKILL
 *                           Without it, all calls are sound.
 *   FAULTY_MPI_OPERATION    Allreduce, Allgather, Reduce_scatter_block or Isend (whose data are
 *                           never changed)
 *   FAULTY_MPI_RANK         the rank that fails (0)
 *   FAULTY_MPI_ABOVE_BYTES  calls that receive no more than this are sound and not counted (0)
 *   FAULTY_MPI_CALL         the call that fails, from 1 (1)
 *   FAULTY_MPI_LASTING      if set, all calls from that one on fail
 */
#include <math.h>
#include <mpi.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long setting(const char* name, long fallback) {
  const char* text = getenv(name);
  return text == NULL ? fallback : strtol(text, NULL, 10);
}

static void leave_pid(void) {
  const char* folder = getenv("FAULTY_MPI_PIDS");
  char path[4096];
  int rank = 0;
  FILE* file = NULL;
  if (folder == NULL) return;
  PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
  snprintf(path, sizeof path, "%s/%ld.new", folder, (long)getpid());
  file = fopen(path, "w");
  if (file == NULL) abort();
  fprintf(file, "%d", rank);
  if (fclose(file) != 0) abort();
  /* Renamed when complete, so that a reader never finds half a file. */
  char final_path[4096];
  snprintf(final_path, sizeof final_path, "%s/%ld", folder, (long)getpid());
  if (rename(path, final_path) != 0) abort();
}

int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
  const int code = PMPI_Init_thread(argc, argv, required, provided);
  if (code == MPI_SUCCESS) leave_pid();
  return code;
}

/* The fault of this very call, or NULL. */
static const char* fault_of(const char* operation, int count, int blocks, MPI_Datatype type) {
  static long calls = 0;
  const char* kind = getenv("FAULTY_MPI_KIND");
  const char* wanted = getenv("FAULTY_MPI_OPERATION");
  int rank = 0;
  int size = 0;
  if (kind == NULL || wanted == NULL || strcmp(operation, wanted) != 0) return NULL;
  PMPI_Type_size(type, &size);
  if ((long)count * blocks * size <= setting("FAULTY_MPI_ABOVE_BYTES", 0)) return NULL;
  PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank != setting("FAULTY_MPI_RANK", 0)) return NULL;
  ++calls;
  const long first = setting("FAULTY_MPI_CALL", 1);
  const int hit = getenv("FAULTY_MPI_LASTING") != NULL ? calls >= first : calls == first;
  return hit ? kind : NULL;
}

static int is(const char* fault, const char* kind) {
  return fault != NULL && strcmp(fault, kind) == 0;
}

/* Carries out what replaces the call. Returns whether the call must still be made. */
static int survives(const char* fault) {
  if (is(fault, "kill")) raise(SIGKILL);
  while (is(fault, "hang")) pause();
  return !is(fault, "error");
}

/* The value of a bf16, which is the upper half of a float. MPI has no type for it, so it travels
 * as 16 bits. */
static float from_bf16(uint16_t half) {
  const uint32_t bits = (uint32_t)half << 16;
  float value = 0.0f;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint16_t to_bf16(float value) {
  uint32_t bits = 0;
  memcpy(&bits, &value, sizeof bits);
  return (uint16_t)(bits >> 16);
}

/* Applies the fault to the data that the call delivered. */
static void spoil(const char* fault, void* buffer, int count, MPI_Datatype type) {
  const int middle = count / 2;
  const int add = is(fault, "add");
  if (count == 0 || (!add && !is(fault, "nan"))) return;
  if (type == MPI_FLOAT) {
    float* element = (float*)buffer + middle;
    *element = add ? *element + 1.0f : NAN;
  } else if (type == MPI_DOUBLE) {
    double* element = (double*)buffer + middle;
    *element = add ? *element + 1.0 : NAN;
  } else if (type == MPI_UINT16_T) {
    uint16_t* element = (uint16_t*)buffer + middle;
    *element = to_bf16(add ? from_bf16(*element) + 1.0f : NAN);
  }
}

int MPI_Allreduce(const void* send, void* recv, int count, MPI_Datatype type, MPI_Op op,
                  MPI_Comm comm) {
  const char* fault = fault_of("Allreduce", count, 1, type);
  if (!survives(fault)) return MPI_ERR_OTHER;
  const int code = PMPI_Allreduce(send, recv, count, type, op, comm);
  spoil(fault, recv, count, type);
  return code;
}

int MPI_Allgather(const void* send, int send_count, MPI_Datatype send_type, void* recv,
                  int recv_count, MPI_Datatype recv_type, MPI_Comm comm) {
  int size = 1;
  PMPI_Comm_size(comm, &size);
  const char* fault = fault_of("Allgather", recv_count, size, recv_type);
  if (!survives(fault)) return MPI_ERR_OTHER;
  const int code = PMPI_Allgather(send, send_count, send_type, recv, recv_count, recv_type, comm);
  spoil(fault, recv, recv_count * size, recv_type);
  return code;
}

int MPI_Isend(const void* buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
              MPI_Request* request) {
  if (!survives(fault_of("Isend", count, 1, type))) return MPI_ERR_OTHER;
  return PMPI_Isend(buffer, count, type, to, tag, comm, request);
}

int MPI_Reduce_scatter_block(const void* send, void* recv, int count, MPI_Datatype type, MPI_Op op,
                             MPI_Comm comm) {
  const char* fault = fault_of("Reduce_scatter_block", count, 1, type);
  if (!survives(fault)) return MPI_ERR_OTHER;
  const int code = PMPI_Reduce_scatter_block(send, recv, count, type, op, comm);
  spoil(fault, recv, count, type);
  return code;
}
