// SPDX-License-Identifier: BSD-3-Clause
// Marks functions for host and device compilers, in folders that do not know Kokkos.
#pragma once

#if defined(__CUDACC__) || defined(__HIPCC__)
#define TIDEMARK_HOST_DEVICE __host__ __device__
#else
#define TIDEMARK_HOST_DEVICE
#endif
