# SPDX-License-Identifier: BSD-3-Clause
# Checks that every header compiles alone. Each gets a source file that includes nothing else. Only
# the test builds these files, so that an ordinary build takes no longer.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/src"
  "${PROJECT_SOURCE_DIR}/src/*.hpp")
set(header_sources "")
foreach(header IN LISTS headers)
  string(REGEX REPLACE "\\.hpp$" ".cpp" source "${CMAKE_CURRENT_BINARY_DIR}/headers/${header}")
  set(content "#include \"${header}\"\n")
  file(CONFIGURE OUTPUT "${source}" CONTENT "${content}" @ONLY)
  list(APPEND header_sources "${source}")
endforeach()

add_library(tidemark_headers OBJECT EXCLUDE_FROM_ALL ${header_sources})
# These files are never run.
target_compile_options(tidemark_headers PRIVATE -O0)
target_link_libraries(tidemark_headers PRIVATE tidemark_core tidemark::flags)
add_tidemark_test(NAME headers LABEL unit TIMEOUT 1200 COMMAND
  "${CMAKE_COMMAND}" --build "${PROJECT_BINARY_DIR}" --target tidemark_headers)
