// SPDX-License-Identifier: BSD-3-Clause
#include "job/mpi_components.hpp"

#include <algorithm>

#include "job/library_version.hpp"

namespace tidemark::job {

namespace {

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

/// The names in "FRAMEWORK_NAME_VARIABLE", sorted, without duplicates.
std::vector<std::string> components_in(const std::string& framework,
                                       const std::vector<std::string>& variables) {
  const std::string prefix = framework + "_";
  std::vector<std::string> names;
  for (const std::string& variable : variables) {
    if (!variable.starts_with(prefix)) continue;
    const std::string rest = variable.substr(prefix.size());
    const std::size_t end = rest.find('_');
    // "base" and "wrapper" are variables of the framework itself.
    const std::string name = rest.substr(0, end);
    if (end == std::string::npos || name == "base" || name == "wrapper") continue;
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

bool has(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Shared memory is vader, which Open MPI 5 calls sm. Version 4 also has an sm, which only reports
/// its new name, and which exists in addition to vader.
std::optional<std::string> shared_memory_in(const std::vector<std::string>& names) {
  if (has(names, "vader")) return "vader";
  if (has(names, "sm") && names.size() > 1) return "sm";
  return std::nullopt;
}

/// The one component that is neither self nor shared memory; nullopt if there are none or several.
std::optional<std::string> network_in(std::vector<std::string> names) {
  std::erase_if(names, [](const std::string& name) {
    return name == "self" || name == "vader" || name == "sm";
  });
  return names.size() == 1 ? std::optional(names.front()) : std::nullopt;
}

/// Components of Open MPI by framework.
struct Components {
  std::vector<std::string> pml;
  std::vector<std::string> mtl;
  std::vector<std::string> btl;
};

MpiComponents components_of_open_mpi(const Components& found, const Neighbourhood& ranks,
                                     const char* known_by) {
  MpiComponents result;
  if (found.pml.size() != 1) return result;
  result.messaging = found.pml.front();
  result.known_by = known_by;
  // Only ob1 sends by these components. ucx and cm have their own transports.
  if (found.pml.front() != "ob1") {
    result.components = found.mtl;
    return result;
  }
  result.components = found.btl;
  if (ranks.has_neighbours) {
    result.within_node = shared_memory_in(result.components);
    if (!result.within_node) result.within_node = network_in(result.components);
  }
  if (ranks.has_other_nodes) result.between_nodes = network_in(result.components);
  return result;
}

/// Whether an MPICH was built without shared memory between ranks of a node.
bool is_without_shared_memory(const std::string& configuration) {
  for (const char* option : {"--with-ch4-shmmods=none", "--with-ch4-shmmods=no ",
                             "--without-ch4-shmmods", "--enable-ch4-direct=netmod"}) {
    if (configuration.find(option) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

MpiComponents components_from(const std::vector<std::string>& libraries,
                              const Neighbourhood& ranks) {
  return components_of_open_mpi({components_of("pml", libraries), components_of("mtl", libraries),
                                 components_of("btl", libraries)},
                                ranks, "components that Open MPI has loaded");
}

MpiComponents components_from_variables(const std::vector<std::string>& variables,
                                        const Neighbourhood& ranks) {
  Components found{components_in("pml", variables), components_in("mtl", variables),
                   components_in("btl", variables)};
  // Since version 5 vader is only an alias of sm, with the same variables.
  if (has(found.btl, "sm")) std::erase(found.btl, "vader");
  return components_of_open_mpi(found, ranks, "components of which Open MPI has control variables");
}

MpiComponents components_from_description(std::string_view description, const Neighbourhood& ranks,
                                          bool avoids_shared_memory) {
  MpiComponents result;
  result.messaging = value_in(description, "MPICH Device");
  if (!result.messaging) return result;
  result.known_by = "device that MPICH names";
  // A name such as "ch4:ucx". Other generations of devices have other rules.
  const std::string generation = "ch4:";
  if (!result.messaging->starts_with(generation)) return result;
  const std::string network = result.messaging->substr(generation.size());
  const std::string configuration = value_in(description, "MPICH configure").value_or("") + " ";
  const bool shares = !avoids_shared_memory && !is_without_shared_memory(configuration);
  result.components = {network};
  if (shares) result.components.emplace_back("posix");
  if (ranks.has_neighbours) result.within_node = shares ? "posix" : network;
  if (ranks.has_other_nodes) result.between_nodes = network;
  return result;
}

}  // namespace tidemark::job
