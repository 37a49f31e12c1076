# SPDX-License-Identifier: BSD-3-Clause
# Before project(): where scripts/bootstrap keeps the Kokkos that it built, and the compiler that a
# Kokkos for CUDA needs.

# Sets `result` to the folder of the cached Kokkos: the one for CUDA where TIDEMARK_KOKKOS_FOR asks
# for CUDA. Neither need be there.
function(tidemark_cached_kokkos result)
  set(cache "$ENV{HOME}/.cache/tidemark")
  if(DEFINED ENV{TIDEMARK_CACHE})
    set(cache "$ENV{TIDEMARK_CACHE}")
  endif()
  set(for host)
  if("CUDA" IN_LIST TIDEMARK_KOKKOS_FOR)
    set(for cuda)
  endif()
  file(REAL_PATH "${cache}/kokkos-${for}" folder)
  set(${result} "${folder}" PARENT_SCOPE)
endfunction()

# nvcc_wrapper makes nvcc take a host compiler's options. Another compiler that the user names stays.
if("CUDA" IN_LIST TIDEMARK_KOKKOS_FOR AND NOT CMAKE_CXX_COMPILER AND NOT DEFINED ENV{CXX})
  tidemark_cached_kokkos(folder)
  if(EXISTS "${folder}/bin/nvcc_wrapper")
    set(CMAKE_CXX_COMPILER "${folder}/bin/nvcc_wrapper")
  endif()
endif()
