# SPDX-License-Identifier: BSD-3-Clause
# Finds oneDNN by its headers and its library. oneDNN's own package asks for OpenCL where it was
# built for GPUs, and ends the configuration without it. Products on a host need no OpenCL.
#
# Hint: OneDnn_ROOT. Sets OneDnn_FOUND, OneDnn_VERSION, OneDnn_LIBRARY and OneDnn_CPU_RUNTIME (OMP,
# TBB, SEQ ...), and makes the target OneDnn::OneDnn.
find_path(OneDnn_INCLUDE_DIR oneapi/dnnl/dnnl.hpp)
find_library(OneDnn_LIBRARY dnnl)
mark_as_advanced(OneDnn_INCLUDE_DIR OneDnn_LIBRARY)

# The value of `macro` in a header of oneDNN.
function(tidemark_onednn_macro header macro result)
  set(value "")
  set(file ${OneDnn_INCLUDE_DIR}/oneapi/dnnl/${header})
  if(EXISTS ${file})
    file(STRINGS ${file} lines REGEX "^#define ${macro} ")
    string(REGEX REPLACE "^#define ${macro} +" "" value "${lines}")
  endif()
  set(${result} "${value}" PARENT_SCOPE)
endfunction()

tidemark_onednn_macro(dnnl_version.h DNNL_VERSION_MAJOR major)
tidemark_onednn_macro(dnnl_version.h DNNL_VERSION_MINOR minor)
tidemark_onednn_macro(dnnl_version.h DNNL_VERSION_PATCH patch)
tidemark_onednn_macro(dnnl_config.h DNNL_CPU_RUNTIME runtime)
set(OneDnn_VERSION ${major}.${minor}.${patch})
string(REPLACE "DNNL_RUNTIME_" "" OneDnn_CPU_RUNTIME "${runtime}")

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OneDnn REQUIRED_VARS OneDnn_LIBRARY OneDnn_INCLUDE_DIR
                                  VERSION_VAR OneDnn_VERSION)
if(OneDnn_FOUND AND NOT TARGET OneDnn::OneDnn)
  add_library(OneDnn::OneDnn UNKNOWN IMPORTED)
  set_target_properties(OneDnn::OneDnn PROPERTIES
    IMPORTED_LOCATION ${OneDnn_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${OneDnn_INCLUDE_DIR})
endif()
