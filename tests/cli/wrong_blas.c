/* SPDX-License-Identifier: BSD-3-Clause */
/* A BLAS whose large products are wrong. It is preloaded before a program's own BLAS. planting.h
 * has the environment that it shares. The size of a call is its number of multiply-adds: at least
 * 2^20.
 *
 *   PLANTED_FAULT  element: one element is twice what it should be
 *                  scale:   all elements are 1.5 times what they should be
 *                  zero:    all elements are zero
 *                  skip:    nothing is computed
 *   PLANTED_CALLS  only products of these shapes, written as in the report
 *
 * The report adds a line `shape WORD` for each shape of a product that was counted. WORD has the
 * type's letter, the two letters of the transposes and m, n, k, as in sNT64x32x16.
 */
#include <dlfcn.h>
#include <math.h>
#include <mpi.h>

#include "planting.h"

static const long least_multiply_adds = 1L << 20;

enum { most_shapes = 1024, longest_word = 64 };
static char shapes[most_shapes][longest_word];
static int shape_count = 0;

static void report_more(FILE* file) {
  for (int i = 0; i < shape_count; ++i) fprintf(file, "shape %s\n", shapes[i]);
}

static void note_shape(const char* word) {
  for (int i = 0; i < shape_count; ++i) {
    if (strcmp(shapes[i], word) == 0) return;
  }
  if (shape_count == most_shapes) abort();
  strcpy(shapes[shape_count++], word);
}

/* Whether this product must be wrong. */
static int is_struck(char type, const char* op_a, const char* op_b, int m, int n, int k) {
  char word[longest_word];
  snprintf(word, sizeof word, "%c%c%c%dx%dx%d", type, *op_a, *op_b, m, n, k);
  const long before = calls_counted;
  const int struck = strikes(word, (long)m * n * k, least_multiply_adds);
  if (calls_counted > before) note_shape(word);
  return struck;
}

/* Spoils columns of the product C, which are `stride` apart. The one wrong element is the
 * largest of some in the middle, because a tiny one would prove nothing. */
#define DEFINE_SPOIL(T)                                                                 \
  static void spoil_##T(T* c, int m, int n, int stride) {                               \
    const double factor = fault_is("zero") ? 0.0 : 1.5;                                 \
    if (fault_is("element")) {                                                          \
      T* const column = c + (long)(n / 2) * stride;                                     \
      int worst = m / 2;                                                                \
      for (int i = worst; i < m && i < m / 2 + 64; ++i) {                               \
        if (fabs((double)column[i]) > fabs((double)column[worst])) worst = i;           \
      }                                                                                 \
      column[worst] = column[worst] == (T)0 ? (T)1 : (T)2 * column[worst];              \
      return;                                                                           \
    }                                                                                   \
    for (long j = 0; j < n; ++j) {                                                      \
      for (long i = 0; i < m; ++i) c[j * stride + i] = (T)(factor * c[j * stride + i]); \
    }                                                                                   \
  }
DEFINE_SPOIL(float)
DEFINE_SPOIL(double)

#define DEFINE_GEMM(NAME, LETTER, T)                                                          \
  void NAME(const char* op_a, const char* op_b, const int* m, const int* n, const int* k,     \
            const T* alpha, const T* a, const int* stride_a, const T* b, const int* stride_b, \
            const T* beta, T* c, const int* stride_c) {                                       \
    static __typeof__(NAME)* sound = NULL;                                                    \
    const int struck = is_struck(LETTER, op_a, op_b, *m, *n, *k);                             \
    if (struck && fault_is("skip")) return;                                                   \
    if (sound == NULL) *(void**)&sound = dlsym(RTLD_NEXT, #NAME);                             \
    if (sound == NULL) abort();                                                               \
    sound(op_a, op_b, m, n, k, alpha, a, stride_a, b, stride_b, beta, c, stride_c);           \
    if (struck) spoil_##T(c, *m, *n, *stride_c);                                              \
  }

void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*,
            const float*, const int*, const float*, const int*, const float*, float*, const int*);
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*,
            const double*, const int*, const double*, const int*, const double*, double*,
            const int*);
DEFINE_GEMM(sgemm_, 's', float)
DEFINE_GEMM(dgemm_, 'd', double)
