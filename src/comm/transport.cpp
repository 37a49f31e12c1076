#include "comm/transport.hpp"

#include <link.h>

#include <algorithm>
#include <string_view>

namespace tidemark::comm {

namespace {

int add_library(dl_phdr_info* info, std::size_t, void* list) {
  static_cast<std::vector<std::string>*>(list)->emplace_back(info->dlpi_name);
  return 0;
}

/// The names in "mca_FRAMEWORK_NAME.so", sorted.
std::vector<std::string> components_of(std::string_view framework,
                                       const std::vector<std::string>& libraries) {
  const std::string prefix = "mca_" + std::string(framework) + "_";
  constexpr std::string_view suffix = ".so";
  std::vector<std::string> names;
  for (const std::string& library : libraries) {
    const std::string_view file = std::string_view(library).substr(library.rfind('/') + 1);
    if (!file.starts_with(prefix) || !file.ends_with(suffix)) continue;
    names.emplace_back(file.substr(prefix.size(), file.size() - prefix.size() - suffix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool has(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Shared memory: vader, which is called sm since Open MPI 5. Version 4 has an sm, too, which only
/// says so, and is there beside vader.
std::optional<std::string> shared_memory_in(const std::vector<std::string>& names) {
  if (has(names, "vader")) return "vader";
  if (has(names, "sm") && names.size() > 1) return "sm";
  return std::nullopt;
}

/// The one that is neither for a rank itself nor shared memory, where there is exactly one.
std::optional<std::string> network_in(std::vector<std::string> names) {
  std::erase_if(names, [](const std::string& name) {
    return name == "self" || name == "vader" || name == "sm";
  });
  return names.size() == 1 ? std::optional(names.front()) : std::nullopt;
}

}  // namespace

Transport transport_from(const std::vector<std::string>& libraries, bool has_neighbours,
                         bool has_other_nodes) {
  Transport transport;
  const auto layers = components_of("pml", libraries);
  if (layers.size() != 1) return transport;
  transport.messaging = layers.front();
  // Only ob1 sends by these components; ucx and cm have transports of their own.
  if (layers.front() != "ob1") {
    transport.components = components_of("mtl", libraries);
    return transport;
  }
  transport.components = components_of("btl", libraries);
  if (has_neighbours) {
    transport.within_node = shared_memory_in(transport.components);
    if (!transport.within_node) transport.within_node = network_in(transport.components);
  }
  if (has_other_nodes) transport.between_nodes = network_in(transport.components);
  return transport;
}

Transport transport_of(const MpiSession& session) {
  std::vector<std::string> libraries;
  dl_iterate_phdr(add_library, &libraries);
  return transport_from(libraries, session.local_size() > 1, session.size() > session.local_size());
}

}  // namespace tidemark::comm
