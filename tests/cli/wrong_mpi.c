/* SPDX-License-Identifier: BSD-3-Clause */
/* An MPI that delivers wrong data in large calls. It is preloaded before a program's MPI library,
 * and passes calls on through the profiling interface. planting.h has the environment that it
 * shares. The size of a call is what it delivers to this rank, in bytes: at least 60 KiB.
 *
 *   PLANTED_CALLS   sum:     (I)Allreduce, (I)Reduce_scatter_block
 *                   gather:  (I)Allgather
 *                   message: Irecv
 *   PLANTED_FAULT   element:   one element is twice what it should be
 *                   scale:     all elements are 1.5 times what they should be
 *                   thousandth: all elements are 1.001 times what they should be
 *                   zero:      all elements are zero
 *                   rank_zero: all ranks get the terms of rank 0 instead of the sum; only for sums,
 *                              and only on all ranks
 *                   swap:      the first two blocks of a gather are swapped; of messages, two that
 *                              complete together are swapped, or the halves of a single one
 *                   stale:     the data are those of the call PLANTED_PERIOD calls before, if that
 *                              one delivered as much from the same rank
 *                   early:     a non-blocking call completes at once, and its data arrive 20 ms
 *                              later, or when the ranks meet next
 *   PLANTED_PERIOD  counted calls in a step (1)
 */
#include <math.h>
#include <mpi.h>
#include <stdint.h>
#include <time.h>

#include "planting.h"

static const long least_bytes = 61440;
/* The ranks meet by messages of at most this size. */
static const long meeting_bytes = 16;
static const double lateness_seconds = 20e-3;

static void report_more(FILE* file) { (void)file; }

/* What a call delivers to this rank, when it is complete. */
typedef struct {
  void* data;
  int count; /* elements */
  MPI_Datatype type;
  int blocks; /* one per rank of a gather, else 1 */
  int peer;   /* the sender; -1 for a collective */
} Delivery;

static size_t element_size(MPI_Datatype type) {
  int size = 0;
  PMPI_Type_size(type, &size);
  return (size_t)size;
}

static size_t bytes_of(const Delivery* d) { return (size_t)d->count * element_size(d->type); }

static void* copy_of(const void* data, size_t bytes) {
  void* const copy = malloc(bytes);
  if (copy == NULL) abort();
  return memcpy(copy, data, bytes);
}

/* bf16 is the upper half of a float. MPI has no type for it, so it travels as 16 bits. */
static double value_at(const Delivery* d, int i) {
  if (d->type == MPI_FLOAT) return ((const float*)d->data)[i];
  if (d->type == MPI_DOUBLE) return ((const double*)d->data)[i];
  const uint32_t bits = (uint32_t)((const uint16_t*)d->data)[i] << 16;
  float value = 0.0F;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void put_at(const Delivery* d, int i, double value) {
  if (d->type == MPI_FLOAT) {
    ((float*)d->data)[i] = (float)value;
  } else if (d->type == MPI_DOUBLE) {
    ((double*)d->data)[i] = value;
  } else {
    const float rounded = (float)value;
    uint32_t bits = 0;
    memcpy(&bits, &rounded, sizeof bits);
    ((uint16_t*)d->data)[i] = (uint16_t)(bits >> 16);
  }
}

static int holds_numbers(const Delivery* d) {
  return d->type == MPI_FLOAT || d->type == MPI_DOUBLE || d->type == MPI_UINT16_T;
}

/* The largest of some elements in the middle, because a tiny element would prove nothing. */
static void spoil_element(const Delivery* d) {
  int worst = d->count / 2;
  for (int i = worst; i < d->count && i < d->count / 2 + 64; ++i) {
    if (fabs(value_at(d, i)) > fabs(value_at(d, worst))) worst = i;
  }
  const double value = value_at(d, worst);
  put_at(d, worst, value == 0.0 ? 1.0 : 2.0 * value);
}

static void scale(const Delivery* d, double factor) {
  for (int i = 0; i < d->count; ++i) put_at(d, i, factor * value_at(d, i));
}

static void swap_bytes(void* a, void* b, size_t bytes) {
  void* const kept = copy_of(a, bytes);
  memcpy(a, b, bytes);
  memcpy(b, kept, bytes);
  free(kept);
}

static void swap_parts(const Delivery* d, int parts) {
  const size_t part = bytes_of(d) / (size_t)parts;
  swap_bytes(d->data, (char*)d->data + part, part);
}

/* The true data of the calls before, in a ring. */
static Delivery* past = NULL;

static void deliver_stale(const Delivery* d) {
  static long next = 0;
  const long period = setting("PLANTED_PERIOD", 1);
  if (past == NULL) past = calloc((size_t)period, sizeof *past);
  if (past == NULL) abort();
  Delivery* const before = &past[next++ % period];
  Delivery now = *d;
  now.data = copy_of(d->data, bytes_of(d));
  if (before->data != NULL && before->peer == d->peer && bytes_of(before) == bytes_of(d)) {
    memcpy(d->data, before->data, bytes_of(d));
  }
  free(before->data);
  *before = now;
}

static void spoil(const Delivery* d) {
  if (fault_is("swap")) {
    swap_parts(d, d->blocks > 1 ? d->blocks : 2);
  } else if (fault_is("stale")) {
    deliver_stale(d);
  } else if (fault_is("zero")) {
    memset(d->data, 0, bytes_of(d));
  } else if (!holds_numbers(d)) {
    *((char*)d->data + bytes_of(d) / 2) ^= 1; /* as good as any of these faults */
  } else if (fault_is("element")) {
    spoil_element(d);
  } else if (fault_is("scale")) {
    scale(d, 1.5);
  } else if (fault_is("thousandth")) {
    scale(d, 1.001);
  }
}

/* Pending calls whose data will be spoilt. */
typedef struct {
  MPI_Request request;
  Delivery delivery;
} Pending;
enum { most_pending = 4096 };
static Pending pending[most_pending];
static int pending_count = 0;

static void spoil_later(MPI_Request request, Delivery delivery) {
  if (pending_count == most_pending) abort();
  pending[pending_count].request = request;
  pending[pending_count++].delivery = delivery;
}

/* Calls that count as complete but whose data have not been handed over. */
typedef struct {
  MPI_Request request;
  Delivery delivery;
  void* arriving;
  double due;
} Late;
static Late late[most_pending];
static int late_count = 0;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Memory for the data of a call that the program takes for complete. */
static void* receive_late(Delivery delivery) {
  if (late_count == most_pending) abort();
  late[late_count].delivery = delivery;
  late[late_count].arriving = copy_of(delivery.data, bytes_of(&delivery));
  late[late_count].due = now() + lateness_seconds;
  return late[late_count].arriving;
}

/* Keeps the request of that call. The program gets none to wait for. */
static void keep_late(MPI_Request* request) {
  late[late_count++].request = *request;
  *request = MPI_REQUEST_NULL;
}

static void hand_over(int at_once) {
  int kept = 0;
  for (int i = 0; i < late_count; ++i) {
    int is_done = 0;
    if (at_once) {
      PMPI_Wait(&late[i].request, MPI_STATUS_IGNORE);
      is_done = 1;
    } else if (now() >= late[i].due) {
      PMPI_Test(&late[i].request, &is_done, MPI_STATUS_IGNORE);
    }
    if (is_done) {
      memcpy(late[i].delivery.data, late[i].arriving, bytes_of(&late[i].delivery));
      free(late[i].arriving);
    } else {
      late[kept++] = late[i];
    }
  }
  late_count = kept;
}

static int size_of(MPI_Comm comm) {
  int size = 1;
  PMPI_Comm_size(comm, &size);
  return size;
}

static int is_struck(const char* word, const Delivery* d) {
  return strikes(word, (long)bytes_of(d), least_bytes);
}

int MPI_Allreduce(const void* send, void* recv, int count, MPI_Datatype type, MPI_Op op,
                  MPI_Comm comm) {
  const Delivery delivery = {recv, count, type, 1, -1};
  const int struck = is_struck("sum", &delivery);
  if (struck && fault_is("rank_zero")) return PMPI_Bcast(recv, count, type, 0, comm);
  const int code = PMPI_Allreduce(send, recv, count, type, op, comm);
  if (struck) spoil(&delivery);
  return code;
}

int MPI_Reduce_scatter_block(const void* send, void* recv, int count, MPI_Datatype type, MPI_Op op,
                             MPI_Comm comm) {
  const Delivery delivery = {recv, count, type, 1, -1};
  const int struck = is_struck("sum", &delivery);
  if (struck && fault_is("rank_zero")) {
    return PMPI_Scatter(send, count, type, recv, count, type, 0, comm);
  }
  const int code = PMPI_Reduce_scatter_block(send, recv, count, type, op, comm);
  if (struck) spoil(&delivery);
  return code;
}

int MPI_Allgather(const void* send, int send_count, MPI_Datatype send_type, void* recv,
                  int recv_count, MPI_Datatype recv_type, MPI_Comm comm) {
  const int blocks = size_of(comm);
  const Delivery delivery = {recv, recv_count * blocks, recv_type, blocks, -1};
  const int struck = is_struck("gather", &delivery);
  const int code = PMPI_Allgather(send, send_count, send_type, recv, recv_count, recv_type, comm);
  if (struck) spoil(&delivery);
  return code;
}

int MPI_Iallreduce(const void* send, void* recv, int count, MPI_Datatype type, MPI_Op op,
                   MPI_Comm comm, MPI_Request* request) {
  const Delivery delivery = {recv, count, type, 1, -1};
  if (!is_struck("sum", &delivery)) {
    return PMPI_Iallreduce(send, recv, count, type, op, comm, request);
  }
  if (fault_is("rank_zero")) return PMPI_Ibcast(recv, count, type, 0, comm, request);
  const int is_late = fault_is("early");
  void* const into = is_late ? receive_late(delivery) : recv;
  const int code = PMPI_Iallreduce(send, into, count, type, op, comm, request);
  is_late ? keep_late(request) : spoil_later(*request, delivery);
  return code;
}

int MPI_Ireduce_scatter_block(const void* send, void* recv, int count, MPI_Datatype type, MPI_Op op,
                              MPI_Comm comm, MPI_Request* request) {
  const Delivery delivery = {recv, count, type, 1, -1};
  if (!is_struck("sum", &delivery)) {
    return PMPI_Ireduce_scatter_block(send, recv, count, type, op, comm, request);
  }
  if (fault_is("rank_zero")) {
    return PMPI_Iscatter(send, count, type, recv, count, type, 0, comm, request);
  }
  const int is_late = fault_is("early");
  void* const into = is_late ? receive_late(delivery) : recv;
  const int code = PMPI_Ireduce_scatter_block(send, into, count, type, op, comm, request);
  is_late ? keep_late(request) : spoil_later(*request, delivery);
  return code;
}

int MPI_Iallgather(const void* send, int send_count, MPI_Datatype send_type, void* recv,
                   int recv_count, MPI_Datatype recv_type, MPI_Comm comm, MPI_Request* request) {
  const int blocks = size_of(comm);
  const Delivery delivery = {recv, recv_count * blocks, recv_type, blocks, -1};
  const int struck = is_struck("gather", &delivery);
  const int is_late = struck && fault_is("early");
  void* const into = is_late ? receive_late(delivery) : recv;
  const int code =
      PMPI_Iallgather(send, send_count, send_type, into, recv_count, recv_type, comm, request);
  if (struck) is_late ? keep_late(request) : spoil_later(*request, delivery);
  return code;
}

int MPI_Irecv(void* data, int count, MPI_Datatype type, int source, int tag, MPI_Comm comm,
              MPI_Request* request) {
  const Delivery delivery = {data, count, type, 1, source};
  hand_over((long)bytes_of(&delivery) <= meeting_bytes);
  const int struck = is_struck("message", &delivery);
  const int is_late = struck && fault_is("early");
  void* const into = is_late ? receive_late(delivery) : data;
  const int code = PMPI_Irecv(into, count, type, source, tag, comm, request);
  if (struck) is_late ? keep_late(request) : spoil_later(*request, delivery);
  return code;
}

/* Of messages that complete together, the data of the first two are swapped if they are alike. */
static void spoil_together(const Delivery* delivered, int count) {
  if (fault_is("swap") && count > 1 && delivered[0].peer >= 0 &&
      bytes_of(&delivered[0]) == bytes_of(&delivered[1])) {
    swap_bytes(delivered[0].data, delivered[1].data, bytes_of(&delivered[0]));
    return;
  }
  for (int i = 0; i < count; ++i) spoil(&delivered[i]);
}

int MPI_Testall(int count, MPI_Request requests[], int* flag, MPI_Status statuses[]) {
  hand_over(0);
  MPI_Request* const before = copy_of(requests, (size_t)count * sizeof *requests);
  const int code = PMPI_Testall(count, requests, flag, statuses);
  if (code == MPI_SUCCESS && *flag && pending_count > 0) {
    static Delivery delivered[most_pending];
    int delivered_count = 0;
    int kept = 0;
    for (int i = 0; i < pending_count; ++i) {
      int is_done = 0;
      for (int k = 0; k < count; ++k) is_done = is_done || before[k] == pending[i].request;
      if (is_done) {
        delivered[delivered_count++] = pending[i].delivery;
      } else {
        pending[kept++] = pending[i];
      }
    }
    pending_count = kept;
    spoil_together(delivered, delivered_count);
  }
  free(before);
  return code;
}
