// SPDX-License-Identifier: BSD-3-Clause
#include "bench/step/kokkos_tools.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

namespace tidemark::bench {

std::string fencing_tool() {
  // The first name is that of Kokkos 4.0 and later. Kokkos still reads the second, older name.
  for (const char* const variable : {"KOKKOS_TOOLS_LIBS", "KOKKOS_PROFILE_LIBRARY"}) {
    const char* const value = std::getenv(variable);
    if (value == nullptr) continue;
    const std::string list = value;
    for (std::size_t start = 0; start <= list.size();) {
      const std::size_t end = std::min(list.find(';', start), list.size());
      const std::string file = list.substr(start, end - start);
      start = end + 1;
      if (file.empty()) continue;
      // A tool counts only if Kokkos has loaded it.
      void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD);
      if (library == nullptr) continue;
      const bool asks = ::dlsym(library, "kokkosp_request_tool_settings") != nullptr;
      ::dlclose(library);
      if (!asks) return file;
    }
  }
  return "";
}

}  // namespace tidemark::bench
