# SPDX-License-Identifier: BSD-3-Clause
# How our own files are compiled: tidemark::flags, linked privately by every target of ours.
include(CheckCXXCompilerFlag)

option(TIDEMARK_WERROR "Warnings in our own files are errors" ON)
set(TIDEMARK_ARCH native CACHE STRING
  "Processor to compile our own files for, as -march takes it; empty for the compiler's default")
set(TIDEMARK_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them")

add_library(tidemark_flags INTERFACE)
add_library(tidemark::flags ALIAS tidemark_flags)
target_compile_options(tidemark_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion
  $<$<BOOL:${TIDEMARK_WERROR}>:-Werror>)
# What nvcc makes of a file for the host's compiler is not pedantic C++.
if(NOT "CUDA" IN_LIST Kokkos_DEVICES)
  target_compile_options(tidemark_flags INTERFACE -Wpedantic)
endif()
# GCC 12 takes "literal" + std::string for overlapping copies (its bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION MATCHES "^12\\.")
  target_compile_options(tidemark_flags INTERFACE -Wno-restrict)
endif()

# Options that decide about the numbers, which the version header records.
set(tidemark_code_options "")

# An architecture chosen for Kokkos reaches us through its target; a second -march would undo it.
set(kokkos_options "")
if(TARGET Kokkos::kokkoscore)
  get_target_property(kokkos_options Kokkos::kokkoscore INTERFACE_COMPILE_OPTIONS)
endif()
if(TIDEMARK_ARCH AND NOT kokkos_options MATCHES "-m(arch|cpu|tune)=")
  check_cxx_compiler_flag("-march=${TIDEMARK_ARCH}" TIDEMARK_HAS_MARCH_${TIDEMARK_ARCH})
  if(TIDEMARK_HAS_MARCH_${TIDEMARK_ARCH})
    list(APPEND tidemark_code_options "-march=${TIDEMARK_ARCH}")
  else()
    message(WARNING "the compiler does not know -march=${TIDEMARK_ARCH}: its default is used")
  endif()
endif()
target_compile_options(tidemark_flags INTERFACE ${tidemark_code_options})

if(TIDEMARK_SANITIZE)
  set(sanitize "-fsanitize=${TIDEMARK_SANITIZE}")
  # A report that the program survives is a report that a test run overlooks.
  target_compile_options(tidemark_flags INTERFACE
    ${sanitize} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(tidemark_flags INTERFACE ${sanitize})
  list(APPEND tidemark_code_options ${sanitize})
endif()

# Builds that are not for measuring save half of their time if each target parses the large headers
# of other projects only once. This hides a missing #include, so `release` does without it.
option(TIDEMARK_PRECOMPILE "Precompile the large headers of other projects" OFF)
function(tidemark_precompile target)
  if(TIDEMARK_PRECOMPILE)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# The memory-bound kernels live from vector code, and GCC vectorises sums, and calls of exp and tanh
# into libmvec, only where it may reorder additions and need not heed errno, NaN and infinities.
# Four limits keep that from doing harm:
#  - the files that look for NaN and infinities (check*.cpp) are left out: under -ffast-math a
#    compiler may take both for impossible, and would answer that all is well;
#  - sum_of_terms.cpp is left out, since the order of its additions is promised;
#  - the flag is given to compile, never to link: there it would bring in crtfastmath.o, which makes
#    the whole process, BLAS included, flush denormals to zero;
#  - a debug build keeps the arithmetic, and leaves out -O3 alone.
function(tidemark_set_kernel_flags)
  file(GLOB kernels CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/kernels/*.cpp")
  list(FILTER kernels EXCLUDE REGEX "/(check[^/]*|sum_of_terms)\\.cpp$")
  # GCC takes half of an AVX-512 register unless told: the kernels ran 10 to 40 % slower with that.
  check_cxx_compiler_flag(-mprefer-vector-width=512 TIDEMARK_HAS_VECTOR_WIDTH)
  if(kernels)
    set_source_files_properties(${kernels} PROPERTIES COMPILE_OPTIONS
      "$<$<NOT:$<CONFIG:Debug>>:-O3>;-ffast-math;$<$<BOOL:${TIDEMARK_HAS_VECTOR_WIDTH}>:-mprefer-vector-width=512>")
  endif()
endfunction()
