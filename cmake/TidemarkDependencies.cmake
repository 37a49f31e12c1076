# SPDX-License-Identifier: BSD-3-Clause
# Finds what Tidemark is built on, and offers all of it as one target, tidemark::dependencies.
# Imported targets are SYSTEM to CMake: their headers answer to no warning of ours.

# A build for a device that quietly became one for the host would measure another machine.
set(TIDEMARK_KOKKOS_FOR "" CACHE STRING
  "Devices and architectures that Kokkos must be built for, as it names them; empty: any")

# scripts/bootstrap builds Kokkos to the cache folder. As a hint it comes after what the user names
# (Kokkos_ROOT, CMAKE_PREFIX_PATH), and before what the system happens to have.
tidemark_cached_kokkos(tidemark_kokkos_hint)

# The version is compared here, since the packages' own rule takes 4.x for unfit to serve as 3.4.
function(tidemark_require_kokkos name)
  find_package(${name} QUIET HINTS "${tidemark_kokkos_hint}")
  if(NOT ${name}_FOUND OR ${name}_VERSION VERSION_LESS 3.4)
    message(FATAL_ERROR "${name} >= 3.4 not found (found: '${${name}_VERSION}'): run "
      "scripts/bootstrap, or name an installation of your own in ${name}_ROOT or CMAKE_PREFIX_PATH")
  endif()
  message(STATUS "${name} ${${name}_VERSION}: ${${name}_DIR}")
  # What the package says of itself would end with this function.
  foreach(fact IN ITEMS DEVICES ARCH OPTIONS)
    set(${name}_${fact} "${${name}_${fact}}" PARENT_SCOPE)
  endforeach()
endfunction()
tidemark_require_kokkos(Kokkos)
tidemark_require_kokkos(KokkosKernels)

foreach(wanted IN LISTS TIDEMARK_KOKKOS_FOR)
  if(NOT wanted IN_LIST Kokkos_DEVICES AND NOT wanted IN_LIST Kokkos_ARCH)
    message(FATAL_ERROR "TIDEMARK_KOKKOS_FOR wants ${wanted}, but the Kokkos in ${Kokkos_DIR} is "
      "for ${Kokkos_DEVICES} (${Kokkos_ARCH}): name another one in Kokkos_ROOT, see docs/gpu.md")
  endif()
endforeach()
if("IMPL_CUDA_MALLOC_ASYNC" IN_LIST Kokkos_OPTIONS)
  message(WARNING "This Kokkos allocates by cudaMallocAsync. Parameters and their gradients come "
    "from it, and what it gives can be sent to another process only through copies: build Kokkos "
    "with -DKokkos_ENABLE_IMPL_CUDA_MALLOC_ASYNC=OFF")
endif()

# The C++ bindings that MPI-3 removed would drag one more library in.
set(MPI_CXX_SKIP_MPICXX ON CACHE BOOL "Leave out MPI's C++ bindings")
find_package(MPI REQUIRED COMPONENTS CXX)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)

# yaml-cpp got its namespace in 0.8.
if(TARGET yaml-cpp::yaml-cpp)
  set(tidemark_yaml_cpp yaml-cpp::yaml-cpp)
else()
  set(tidemark_yaml_cpp yaml-cpp)
endif()

add_library(tidemark_dependencies INTERFACE)
add_library(tidemark::dependencies ALIAS tidemark_dependencies)
target_link_libraries(tidemark_dependencies INTERFACE
  Kokkos::kokkoskernels Kokkos::kokkos MPI::MPI_CXX
  ${tidemark_yaml_cpp} CLI11::CLI11 fmt::fmt nlohmann_json::nlohmann_json)

# A Kokkos that runs on CUDA has its own files, and ours, compiled by nvcc, behind its wrapper.
if("CUDA" IN_LIST Kokkos_DEVICES)
  # Kernels call constexpr functions of the standard library, such as std::bit_cast.
  target_compile_options(tidemark_dependencies INTERFACE --expt-relaxed-constexpr)
  # fmt 9 does not trust nvcc with constexpr, and yet has consteval call what it would be. nvcc 12
  # and newer can do it.
  target_compile_definitions(tidemark_dependencies INTERFACE FMT_USE_CONSTEXPR=1)
endif()
