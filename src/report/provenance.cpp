// SPDX-License-Identifier: BSD-3-Clause
#include "report/provenance.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/device.hpp"
#include "config/message.hpp"
#include "job/mpi_components.hpp"
#include "kernels/gemm.hpp"
#include "kernels/onednn_products.hpp"
#include "report/environment.hpp"
#include "tidemark_version.hpp"

namespace tidemark::report {

namespace {

using Json = nlohmann::ordered_json;

std::string kokkos_version() {
  return fmt::format("{}.{}.{}", KOKKOS_VERSION / 10000, KOKKOS_VERSION / 100 % 100,
                     KOKKOS_VERSION % 100);
}

/// What Kokkos reports about itself, line by line, without options that are off. null if Kokkos
/// does not run, as in a plan.
Json kokkos_configuration() {
  if (!Kokkos::is_initialized()) return {};
  std::ostringstream text;
  Kokkos::print_configuration(text);
  Json lines = Json::array();
  std::istringstream reader(text.str());
  for (std::string line; std::getline(reader, line);) {
    std::replace(line.begin(), line.end(), '\t', ' ');
    const std::size_t first = line.find_first_not_of(' ');
    if (first == std::string::npos || line.ends_with(':') || line.ends_with(": no")) continue;
    lines.push_back(config::one_line(line.substr(first), 200));
  }
  return lines;
}

Json text_or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }

Json transport_json(const job::MpiSession* session) {
  if (session == nullptr) return {};
  const job::MpiComponents components = job::mpi_components_of(*session);
  if (!components.messaging) return {};
  return {{"messaging", *components.messaging},
          {"components", components.components},
          {"within_node", text_or_null(components.within_node)},
          {"between_nodes", text_or_null(components.between_nodes)},
          {"known_by", components.known_by}};
}

/// Hosts in the order of their first ranks.
Json hosts_json(const std::vector<std::string>& hosts) {
  Json json = Json::array();
  for (const std::string& host : hosts) {
    const auto same =
        std::find_if(json.begin(), json.end(), [&](const Json& h) { return h["host"] == host; });
    if (same == json.end()) {
      json.push_back({{"host", host}, {"ranks", 1}});
    } else {
      (*same)["ranks"] = (*same)["ranks"].get<int>() + 1;
    }
  }
  return json;
}

std::string now_utc() {
  const auto now =
      std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
}

}  // namespace

// FNV-1a (Fowler, Noll, Vo). It distinguishes inputs, and is no protection against manipulation.
std::string digest_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return fmt::format("{:016x}", hash);
}

std::string processor_model() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

nlohmann::ordered_json provenance(const Invocation& invocation, const job::MpiSession* session) {
  nlohmann::ordered_json json;
  json["time_utc"] = now_utc();
  json["version"] = build_info::version;
  json["git_hash"] = build_info::git_hash;
  json["compiler"] = build_info::compiler;
  json["build_type"] = build_info::build_type;
  json["flags"] = build_info::flags;
  json["kokkos"] = {{"version", kokkos_version()},
                    {"execution_space", ExecutionSpace::name()},
                    {"configuration", kokkos_configuration()}};
  json["blas"] = kernels::blas_description();
  json["onednn"] = kernels::onednn::is_built()
                       ? nlohmann::ordered_json(kernels::onednn::description())
                       : nlohmann::ordered_json();
  json["mpi"] = session == nullptr ? nlohmann::ordered_json()
                                   : nlohmann::ordered_json(session->library_version());
  json["transport"] = transport_json(session);
  json["hosts"] = hosts_json(invocation.hosts);
  json["slurm"] = slurm_json();
  json["environment"] = environment_json();
  json["threads_per_rank"] = invocation.threads;
  json["processor"] = processor_model();
  json["command_line"] = invocation.arguments;
  json["input"] = {{"file", invocation.input_file}, {"fnv1a_64", digest_of(invocation.input_text)}};
  return json;
}

}  // namespace tidemark::report
