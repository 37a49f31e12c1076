/* SPDX-License-Identifier: BSD-3-Clause */
/* A oneDNN whose large products are wrong. It is preloaded before a program's own oneDNN. planting.h
 * has the environment that it shares. The size of a call is its number of multiply-adds: at least
 * 2^20.
 *
 *   PLANTED_FAULT  element: one element is twice what it should be
 *                  scale:   all elements are 1.5 times what they should be
 *                  zero:    all elements are zero
 *                  skip:    nothing is computed
 *   PLANTED_CALLS  only products of these shapes, as in b64x32x16: the letter of the operands' type
 *                  (b for bf16, s for fp32), then m, n, k
 */
#include <dlfcn.h>
#include <math.h>
#include <mpi.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdint.h>

#include "planting.h"

static const long least_multiply_adds = 1L << 20;

static void report_more(FILE* file) { (void)file; }

/* A matrix in memory, as oneDNN describes it. */
struct matrix {
  char* data;
  long rows, columns, row_stride;
  int is_narrow; /* bf16, not fp32 */
};

static dnnl_memory_t memory_of(int nargs, const dnnl_exec_arg_t* args, int which) {
  for (int i = 0; i < nargs; ++i) {
    if (args[i].arg == which) return args[i].memory;
  }
  return NULL;
}

static struct matrix matrix_of(dnnl_memory_t memory) {
  struct matrix found;
  void* data = NULL;
  dnnl_memory_get_data_handle(memory, &data);
  found.data = data;
#if DNNL_VERSION_MAJOR >= 3
  const_dnnl_memory_desc_t desc = NULL;
  dnnl_dims_t* dims = NULL;
  dnnl_dims_t* strides = NULL;
  dnnl_data_type_t type;
  dnnl_memory_get_memory_desc(memory, &desc);
  dnnl_memory_desc_query(desc, dnnl_query_dims, &dims);
  dnnl_memory_desc_query(desc, dnnl_query_strides, &strides);
  dnnl_memory_desc_query(desc, dnnl_query_data_type, &type);
  found.rows = (*dims)[0];
  found.columns = (*dims)[1];
  found.row_stride = (*strides)[0];
  found.is_narrow = type == dnnl_bf16;
#else
  const dnnl_memory_desc_t* desc = NULL;
  dnnl_memory_get_memory_desc(memory, &desc);
  found.rows = desc->dims[0];
  found.columns = desc->dims[1];
  found.row_stride = desc->format_desc.blocking.strides[0];
  found.is_narrow = desc->data_type == dnnl_bf16;
#endif
  return found;
}

static float read_element(const struct matrix* m, long index) {
  float value;
  if (!m->is_narrow) {
    memcpy(&value, m->data + 4 * index, 4);
    return value;
  }
  uint16_t upper;
  memcpy(&upper, m->data + 2 * index, 2);
  const uint32_t bits = (uint32_t)upper << 16;
  memcpy(&value, &bits, 4);
  return value;
}

static void write_element(const struct matrix* m, long index, float value) {
  if (!m->is_narrow) {
    memcpy(m->data + 4 * index, &value, 4);
    return;
  }
  uint32_t bits;
  memcpy(&bits, &value, 4);
  const uint16_t upper = (uint16_t)(bits >> 16);
  memcpy(m->data + 2 * index, &upper, 2);
}

/* The one wrong element is the largest of some in the middle, because a tiny one would prove
 * nothing. */
static void spoil(const struct matrix* c) {
  const float factor = fault_is("zero") ? 0.0F : 1.5F;
  if (fault_is("element")) {
    const long row = c->rows / 2 * c->row_stride;
    long worst = row + c->columns / 2;
    for (long j = c->columns / 2; j < c->columns && j < c->columns / 2 + 64; ++j) {
      if (fabsf(read_element(c, row + j)) > fabsf(read_element(c, worst))) worst = row + j;
    }
    const float value = read_element(c, worst);
    write_element(c, worst, value == 0.0F ? 1.0F : 2.0F * value);
    return;
  }
  for (long i = 0; i < c->rows; ++i) {
    for (long j = 0; j < c->columns; ++j) {
      const long index = i * c->row_stride + j;
      write_element(c, index, factor * read_element(c, index));
    }
  }
}

dnnl_status_t dnnl_primitive_execute(const_dnnl_primitive_t primitive, dnnl_stream_t stream,
                                     int nargs, const dnnl_exec_arg_t* args) {
  static __typeof__(dnnl_primitive_execute)* sound = NULL;
  if (sound == NULL) *(void**)&sound = dlsym(RTLD_NEXT, "dnnl_primitive_execute");
  if (sound == NULL) abort();
  const struct matrix a = matrix_of(memory_of(nargs, args, DNNL_ARG_SRC));
  const struct matrix c = matrix_of(memory_of(nargs, args, DNNL_ARG_DST));
  char word[64];
  snprintf(word, sizeof word, "%c%ldx%ldx%ld", a.is_narrow ? 'b' : 's', c.rows, c.columns,
           a.columns);
  const int struck = strikes(word, c.rows * c.columns * a.columns, least_multiply_adds);
  if (struck && fault_is("skip")) return dnnl_success;
  const dnnl_status_t status = sound(primitive, stream, nargs, args);
  if (struck) spoil(&c);
  return status;
}
