// SPDX-License-Identifier: BSD-3-Clause
// The only file that includes mpi.h.
#pragma once

// Without these macros, Open MPI and MPICH would add the C++ bindings that MPI-3 removed.
#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>
