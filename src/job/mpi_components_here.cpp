// SPDX-License-Identifier: BSD-3-Clause
// Collects evidence in this process for the components that carry the messages.
#include <link.h>

#include "job/mpi_components.hpp"
#include "job/mpi_header.hpp"

namespace tidemark::job {

namespace {

int add_library(dl_phdr_info* info, std::size_t, void* list) {
  static_cast<std::vector<std::string>*>(list)->emplace_back(info->dlpi_name);
  return 0;
}

/// MPI's tools interface, initialised during this object's lifetime.
class Tools {
 public:
  Tools() { is_there_ = MPI_T_init_thread(MPI_THREAD_SINGLE, &provided_) == MPI_SUCCESS; }
  ~Tools() {
    if (is_there_) MPI_T_finalize();
  }
  Tools(const Tools&) = delete;
  Tools& operator=(const Tools&) = delete;

  /// Names of the control variables. Withdrawn variables keep their indices, but the library does
  /// not return their names any more.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    int count = 0;
    if (!is_there_ || MPI_T_cvar_get_num(&count) != MPI_SUCCESS) return names;
    for (int i = 0; i < count; ++i) {
      char name[256] = "";
      int length = sizeof(name);
      int verbosity = 0;
      int binding = 0;
      int scope = 0;
      MPI_Datatype type = MPI_DATATYPE_NULL;
      const int code = MPI_T_cvar_get_info(i, name, &length, &verbosity, &type, nullptr, nullptr,
                                           nullptr, &binding, &scope);
      if (code == MPI_SUCCESS) names.emplace_back(name);
    }
    return names;
  }

  /// Whether a variable with one int exists and is not 0.
  [[nodiscard]] bool is_on(const char* name) const {
    int index = 0;
    int count = 0;
    int value = 0;
    MPI_T_cvar_handle handle = MPI_T_CVAR_HANDLE_NULL;
    if (!is_there_ || MPI_T_cvar_get_index(name, &index) != MPI_SUCCESS) return false;
    if (MPI_T_cvar_handle_alloc(index, nullptr, &handle, &count) != MPI_SUCCESS) return false;
    const bool is_read = count == 1 && MPI_T_cvar_read(handle, &value) == MPI_SUCCESS;
    MPI_T_cvar_handle_free(&handle);
    return is_read && value != 0;
  }

 private:
  bool is_there_ = false;
  int provided_ = MPI_THREAD_SINGLE;
};

}  // namespace

MpiComponents mpi_components_of(const MpiSession& session) {
  const Neighbourhood ranks{session.local_size() > 1, session.size() > session.local_size()};
  if (!session.library_version().starts_with("Open MPI")) {
    return components_from_description(session.library_description(), ranks,
                                       Tools().is_on("MPIR_CVAR_NOLOCAL"));
  }
  std::vector<std::string> libraries;
  dl_iterate_phdr(add_library, &libraries);
  MpiComponents components = components_from(libraries, ranks);
  if (!components.messaging) components = components_from_variables(Tools().names(), ranks);
  return components;
}

}  // namespace tidemark::job
