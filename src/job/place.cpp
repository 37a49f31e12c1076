// SPDX-License-Identifier: BSD-3-Clause
#include "job/place.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

namespace tidemark::job {

namespace {

using Json = nlohmann::json;

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

std::optional<int> known(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<int>());
}

/// Physical cores that the launcher gave to a rank, each by the lowest number of its cpus.
std::set<int> cores_of(const Place& place) {
  std::set<int> cores;
  for (const Cpu& cpu : place.cpus) {
    if (std::binary_search(place.cores.begin(), place.cores.end(), cpu.number)) {
      cores.insert(cpu.core);
    }
  }
  return cores;
}

}  // namespace

std::vector<int> Place::numa_nodes() const {
  std::set<int> used(cores.begin(), cores.end());
  if (!threads.empty()) used.clear();
  for (const CpuList& thread : threads) used.insert(thread.begin(), thread.end());
  std::set<int> nodes;
  for (const Cpu& cpu : cpus) {
    if (used.contains(cpu.number)) nodes.insert(cpu.numa_node);
  }
  return {nodes.begin(), nodes.end()};
}

int Place::physical_cores() const { return static_cast<int>(cores_of(*this).size()); }

Place own_place(const std::string& host) {
  Place place;
  place.host = host;
  place.machine = machine_id();
  place.cores = cpus_at_start();
  CpuList all;
  const CpuList available = available_cpus();
  std::set_union(place.cores.begin(), place.cores.end(), available.begin(), available.end(),
                 std::back_inserter(all));
  place.cpus = describe(all);
  place.cpu_limit = cpu_limit();
  return place;
}

std::string bytes_of(const Place& place) {
  Json cpus = Json::array();
  for (const Cpu& cpu : place.cpus) cpus.push_back({cpu.number, cpu.core, cpu.numa_node});
  Json threads = Json::array();
  for (const CpuList& thread : place.threads) threads.push_back(text_of(thread));
  const Json limit = place.cpu_limit
                         ? Json{place.cpu_limit->cores, place.cpu_limit->group, place.cpu_limit->id}
                         : Json();
  const Json json{{"host", place.host},
                  {"machine", place.machine},
                  {"cores", text_of(place.cores)},
                  {"cpus", cpus},
                  {"threads", threads},
                  {"limit", limit},
                  {"devices", or_null(place.devices)},
                  {"uuid", place.device_uuid},
                  {"pci_id", place.device_pci_id},
                  {"device_numa_node", or_null(place.device_numa_node)}};
  // A binary format, because the name of a host need not be UTF-8.
  const std::vector<std::uint8_t> bytes = Json::to_cbor(json);
  return {bytes.begin(), bytes.end()};
}

Place place_in(const std::string& bytes) {
  const Json json = Json::from_cbor(bytes.begin(), bytes.end());
  Place place;
  place.host = json.at("host");
  place.machine = json.at("machine");
  place.cores = cpus_in(json.at("cores").get<std::string>());
  for (const Json& cpu : json.at("cpus")) place.cpus.push_back({cpu.at(0), cpu.at(1), cpu.at(2)});
  for (const Json& thread : json.at("threads")) {
    place.threads.push_back(cpus_in(thread.get<std::string>()));
  }
  if (const Json& limit = json.at("limit"); !limit.is_null()) {
    place.cpu_limit = CpuLimit{limit.at(0), limit.at(1), limit.at(2)};
  }
  place.devices = known(json.at("devices"));
  place.device_uuid = json.at("uuid");
  place.device_pci_id = json.at("pci_id");
  place.device_numa_node = known(json.at("device_numa_node"));
  return place;
}

int share_of_cores(const std::vector<Place>& places, std::size_t rank) {
  const Place& own = places[rank];
  std::map<int, int> ranks_on_core;
  int ranks_in_group = 0;
  for (const Place& place : places) {
    if (place.machine != own.machine) continue;
    for (const int core : cores_of(place)) ++ranks_on_core[core];
    if (own.cpu_limit && place.cpu_limit && place.cpu_limit->id == own.cpu_limit->id) {
      ++ranks_in_group;
    }
  }
  double share = 0.0;
  for (const int core : cores_of(own)) share += 1.0 / ranks_on_core.at(core);
  if (own.cpu_limit) share = std::min(share, own.cpu_limit->cores / ranks_in_group);
  constexpr double rounding = 1e-9;  // the sum of thirds may be slightly less than 1
  return std::max(1, static_cast<int>(std::floor(share + rounding)));
}

}  // namespace tidemark::job
