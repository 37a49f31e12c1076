# SPDX-License-Identifier: BSD-3-Clause
# tidemark::version offers tidemark_version.hpp, which says what this build is made of. The script
# behind it runs at every build, since a commit or an edit changes the hash without a configure;
# it writes the header only where something in it changes.
set(tidemark_version_folder "${PROJECT_BINARY_DIR}/generated")
set(tidemark_version_header "${tidemark_version_folder}/tidemark_version.hpp")

string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type_upper)
list(JOIN tidemark_code_options " " code_options)
set(build_flags "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type_upper}} ${code_options}")
string(REGEX REPLACE " +" " " build_flags "${build_flags}")
string(STRIP "${build_flags}" build_flags)

add_custom_target(tidemark_write_version
  COMMAND "${CMAKE_COMMAND}"
    "-DSOURCE_FOLDER=${PROJECT_SOURCE_DIR}"
    "-DTEMPLATE=${CMAKE_CURRENT_LIST_DIR}/tidemark_version.hpp.in"
    "-DHEADER=${tidemark_version_header}"
    "-DVERSION=${PROJECT_VERSION}"
    "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
    "-DBUILD_TYPE=${CMAKE_BUILD_TYPE}"
    "-DFLAGS=${build_flags}"
    -P "${CMAKE_CURRENT_LIST_DIR}/WriteVersion.cmake"
  BYPRODUCTS "${tidemark_version_header}"
  COMMENT "Checking the git hash"
  VERBATIM)

add_library(tidemark_version INTERFACE)
add_library(tidemark::version ALIAS tidemark_version)
target_include_directories(tidemark_version INTERFACE "${tidemark_version_folder}")
add_dependencies(tidemark_version tidemark_write_version)
