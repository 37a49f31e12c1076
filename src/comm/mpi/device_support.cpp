// SPDX-License-Identifier: BSD-3-Clause
#include "comm/mpi/device_support.hpp"

#include "comm/mpi/mpi_communicator.hpp"

// Open MPI declares its extensions in a header of its own.
#if defined(OPEN_MPI)
#include <mpi-ext.h>
#endif

namespace tidemark::comm {

namespace {

bool reaches_cuda() {
#if defined(MPIX_GPU_SUPPORT_CUDA)  // MPICH
  int is_supported = 0;
  return MPIX_GPU_query_support(MPIX_GPU_SUPPORT_CUDA, &is_supported) == MPI_SUCCESS &&
         is_supported != 0;
#elif defined(MPIX_CUDA_AWARE_SUPPORT)  // Open MPI; this value tells about the build only
  return MPIX_Query_cuda_support() == 1;
#else
  return false;
#endif
}

bool reaches_hip() {
#if defined(MPIX_GPU_SUPPORT_HIP)  // MPICH
  int is_supported = 0;
  return MPIX_GPU_query_support(MPIX_GPU_SUPPORT_HIP, &is_supported) == MPI_SUCCESS &&
         is_supported != 0;
#elif defined(MPIX_ROCM_AWARE_SUPPORT)  // Open MPI, from version 5 on
  return MPIX_Query_rocm_support() == 1;
#else
  return false;
#endif
}

}  // namespace

bool mpi_reaches(DeviceKind kind) {
  if (kind == DeviceKind::cuda) return reaches_cuda();
  return kind == DeviceKind::hip && reaches_hip();
}

}  // namespace tidemark::comm
