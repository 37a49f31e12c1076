# Finds what Tidemark is built on, and offers all of it as one target, tidemark::dependencies.
# Imported targets are SYSTEM to CMake: their headers answer to no warning of ours.

# scripts/bootstrap builds Kokkos to the cache folder. As a hint it comes after what the user names
# (Kokkos_ROOT, CMAKE_PREFIX_PATH), and before what the system happens to have.
if(DEFINED ENV{TIDEMARK_CACHE})
  file(REAL_PATH "$ENV{TIDEMARK_CACHE}/kokkos" tidemark_kokkos_hint)
else()
  file(REAL_PATH "$ENV{HOME}/.cache/tidemark/kokkos" tidemark_kokkos_hint)
endif()

# The version is compared here, since the packages' own rule takes 4.x for unfit to serve as 3.4.
function(tidemark_require_kokkos name)
  find_package(${name} QUIET HINTS "${tidemark_kokkos_hint}")
  if(NOT ${name}_FOUND OR ${name}_VERSION VERSION_LESS 3.4)
    message(FATAL_ERROR "${name} >= 3.4 not found (found: '${${name}_VERSION}'): run "
      "scripts/bootstrap, or name an installation of your own in ${name}_ROOT or CMAKE_PREFIX_PATH")
  endif()
  message(STATUS "${name} ${${name}_VERSION}: ${${name}_DIR}")
endfunction()
tidemark_require_kokkos(Kokkos)
tidemark_require_kokkos(KokkosKernels)

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
