// SPDX-License-Identifier: BSD-3-Clause
/* What the libraries that plant wrong results share. Each is preloaded before the sound library,
 * makes only large calls wrong, and leaves a report. Environment:
 *
 *   PLANTED_FAULT   what is wrong; without it all calls are sound, but counted
 *   PLANTED_CALLS   which calls, as words with commas between them (all that the library knows)
 *   PLANTED_LEAST   size of the smallest call that counts
 *   PLANTED_RANK    the one rank on which calls are wrong (all ranks)
 *   PLANTED_FIRST   the first counted call that is wrong, from 1 (1)
 *   PLANTED_NUMBER  how many calls from that one on are wrong (all)
 *   PLANTED_REPORT  folder: in MPI_Finalize each rank leaves a file there, named by its rank, with
 *                   the lines `counted N`, `struck N`, and what the library adds
 */
#ifndef TIDEMARK_TESTS_PLANTING_H
#define TIDEMARK_TESTS_PLANTING_H

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long calls_counted = 0;
static long calls_struck = 0;

static long setting(const char* name, long fallback) {
  const char* text = getenv(name);
  return text == NULL ? fallback : strtol(text, NULL, 10);
}

/* -1 before MPI has begun. */
static int own_rank(void) {
  static int rank = -1;
  int is_ready = 0;
  if (rank >= 0) return rank;
  PMPI_Initialized(&is_ready);
  if (is_ready) PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

static int fault_is(const char* word) {
  const char* fault = getenv("PLANTED_FAULT");
  return fault != NULL && strcmp(fault, word) == 0;
}

static int is_among_calls(const char* word) {
  const char* words = getenv("PLANTED_CALLS");
  const size_t length = strlen(word);
  while (words != NULL) {
    if (strncmp(words, word, length) == 0 && (words[length] == ',' || words[length] == '\0')) {
      return 1;
    }
    words = strchr(words, ',');
    if (words == NULL) return 0;
    ++words;
  }
  return 1;
}

/* Counts a call of the kind `word`. Returns whether it must be wrong. All ranks count in the
 * same way. */
static int strikes(const char* word, long size, long least) {
  if (own_rank() < 0 || !is_among_calls(word) || size < setting("PLANTED_LEAST", least)) return 0;
  ++calls_counted;
  if (getenv("PLANTED_FAULT") == NULL) return 0;
  const long rank = setting("PLANTED_RANK", -1);
  if (rank >= 0 && rank != own_rank()) return 0;
  const long index = calls_counted - setting("PLANTED_FIRST", 1);
  if (index < 0 || index >= setting("PLANTED_NUMBER", LONG_MAX)) return 0;
  ++calls_struck;
  return 1;
}

static void report_more(FILE* file);

static void report(void) {
  const char* folder = getenv("PLANTED_REPORT");
  char path[4096];
  if (folder == NULL || own_rank() < 0) return;
  snprintf(path, sizeof path, "%s/%d", folder, own_rank());
  FILE* const file = fopen(path, "w");
  if (file == NULL) abort();
  fprintf(file, "counted %ld\nstruck %ld\n", calls_counted, calls_struck);
  report_more(file);
  if (fclose(file) != 0) abort();
}

/* The report cannot come later. Launchers end the other ranks as soon as one ends with a status
 * other than 0. */
int MPI_Finalize(void) {
  report();
  return PMPI_Finalize();
}

#endif
