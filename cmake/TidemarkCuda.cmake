# SPDX-License-Identifier: BSD-3-Clause
# What Tidemark calls of CUDA by itself, past Kokkos: the runtime and NCCL. These sources launch no
# kernels, so that the host's compiler makes them, and a build whose Kokkos knows nothing of CUDA
# has them, too, wherever the toolkit is found: they cannot rot unseen.
#
# Sets TIDEMARK_HAVE_CUDA and TIDEMARK_HAVE_NCCL, and offers tidemark::cuda, the libraries, headers
# and, under the same names, definitions.
set(TIDEMARK_ENABLE_NCCL AUTO CACHE STRING
  "Sources for CUDA and NCCL: AUTO (where both are found), ON (or fail), OFF")
set_property(CACHE TIDEMARK_ENABLE_NCCL PROPERTY STRINGS AUTO ON OFF)

add_library(tidemark_cuda INTERFACE)
add_library(tidemark::cuda ALIAS tidemark_cuda)
set(TIDEMARK_HAVE_CUDA FALSE)
set(TIDEMARK_HAVE_NCCL FALSE)

# A Kokkos that runs on CUDA cannot do without the toolkit, NCCL or not.
if(TIDEMARK_ENABLE_NCCL OR "CUDA" IN_LIST Kokkos_DEVICES)
  find_package(CUDAToolkit QUIET)
  if(CUDAToolkit_FOUND)
    set(TIDEMARK_HAVE_CUDA TRUE)
  endif()
endif()
if(TIDEMARK_ENABLE_NCCL AND TIDEMARK_HAVE_CUDA)
  # 2.14 brought communicators that do not block.
  find_package(NCCL 2.14 QUIET)
  if(NCCL_FOUND)
    set(TIDEMARK_HAVE_NCCL TRUE)
  endif()
endif()

if(TIDEMARK_HAVE_CUDA)
  target_link_libraries(tidemark_cuda INTERFACE CUDA::cudart CUDA::cublas CUDA::cublasLt)
  # A build for the host calls none of them, and need not load hundreds of MB at every start.
  target_link_options(tidemark_cuda INTERFACE LINKER:--as-needed)
  target_compile_definitions(tidemark_cuda INTERFACE TIDEMARK_HAVE_CUDA=1)
endif()
if(TIDEMARK_HAVE_NCCL)
  target_link_libraries(tidemark_cuda INTERFACE NCCL::NCCL)
  target_compile_definitions(tidemark_cuda INTERFACE TIDEMARK_HAVE_NCCL=1)
  message(STATUS "NCCL ${NCCL_VERSION}: ${NCCL_LIBRARY}, CUDA toolkit ${CUDAToolkit_VERSION}")
elseif(NOT TIDEMARK_ENABLE_NCCL)
  message(STATUS "TIDEMARK_ENABLE_NCCL is off: the NCCL communicator is left out")
else()
  if(TIDEMARK_HAVE_CUDA)
    set(missing "NCCL 2.14 or newer (NCCL_ROOT may name it)")
  else()
    set(missing "CUDA toolkit (CUDAToolkit_ROOT may name it)")
  endif()
  if(NOT TIDEMARK_ENABLE_NCCL STREQUAL "AUTO")
    message(FATAL_ERROR "TIDEMARK_ENABLE_NCCL is ON, but there is no ${missing}")
  endif()
  message(STATUS "No ${missing}: the NCCL communicator and its tests are left out")
endif()

# For scripts that ask what this build has.
set(TIDEMARK_HAVE_NCCL "${TIDEMARK_HAVE_NCCL}" CACHE INTERNAL "This build has NCCL")

# Takes the sources that need CUDA out of a list, by name: those of comm/nccl need NCCL; cuda*.cpp,
# cublas*.cpp and stream_clock.cpp the toolkit alone. Those that can be compiled become the objects
# of tidemark_cuda_objects, and no other file sees headers or definitions of CUDA. Of *_absent.cpp
# there is one for what such a source offers to all others, compiled where that one is not. Their
# own headers name no type of the libraries, and compile anywhere.
function(tidemark_move_cuda_sources list)
  set(others ${${list}})
  set(moved "")
  foreach(needs IN ITEMS CUDA NCCL)
    set(pattern "/(cuda|cublas|stream_clock)[^/]*\\.cpp$")
    if(needs STREQUAL "NCCL")
      set(pattern "/nccl/[^/]*\\.cpp$")
    endif()
    set(absent ${others})
    list(FILTER absent INCLUDE REGEX "${pattern}")
    set(present ${absent})
    list(FILTER absent INCLUDE REGEX "_absent\\.cpp$")
    list(FILTER present EXCLUDE REGEX "_absent\\.cpp$")
    list(FILTER others EXCLUDE REGEX "${pattern}")
    if(TIDEMARK_HAVE_${needs})
      list(APPEND moved ${present})
    else()
      list(APPEND others ${absent})
    endif()
  endforeach()
  set(${list} ${others} PARENT_SCOPE)
  if(NOT moved)
    add_library(tidemark_cuda_objects INTERFACE)
    return()
  endif()
  add_library(tidemark_cuda_objects OBJECT ${moved})
  target_include_directories(tidemark_cuda_objects PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(tidemark_cuda_objects
    PUBLIC $<LINK_ONLY:tidemark::cuda>
    PRIVATE tidemark::cuda tidemark::dependencies tidemark::flags)
endfunction()
