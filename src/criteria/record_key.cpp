// SPDX-License-Identifier: BSD-3-Clause
#include "criteria/record_key.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/message.hpp"
#include "config/schema.hpp"

namespace tidemark::criteria {

namespace {

/// Names within the same object, separated by spaces.
struct Group {
  std::string_view parent;
  std::string_view names;
};
constexpr std::string_view figures_of_a_run = "median min max iterations samples";

/// The keys that a run or a plan writes, except for the settings and what depends on the machine.
constexpr std::array groups{
    Group{"", "schema_version kind case_index case_fnv1a_64 ranks valid loss"},
    Group{"verification", "performed passed"},
    Group{"verification.checks", "name value bound passed where"},
    Group{"fom", "model_tflops_per_s model_tflops_per_s_ci tokens_per_s"},
    Group{"time", "warmup_steps warmup_seconds measured_seconds drift drifting"},
    Group{"flops",
          "model_per_step launched_per_rank gflops_per_rank gemm_gflops_per_rank "
          "gemm_gflops_samples fraction_of_gemm disturbed ceiling_gflops_per_rank"},
    Group{"flops.mfu", "full causal"},
    Group{"flops.hfu", "launched"},
    Group{"product_library", "name gflops_per_rank scratch_bytes"},
    Group{"product_library.gflops_per_rank", "kokkos_kernels onednn cublas"},
    Group{"memory",
          "saved_bytes saved_bytes_per_layer formula_bytes_per_layer "
          "closed_formula_bytes_per_layer ends_saved_bytes ends_formula_bytes "
          "ends_closed_formula_bytes norm_statistics_bytes peak_bytes pool_bytes process_bytes "
          "parameter_bytes gradient_bytes optimizer_bytes communication_buffer_bytes "
          "communication_library_bytes total_bytes device_bytes fits"},
    Group{"memory.by_tensor", "name bytes_per_layer formula_bytes_per_layer in_formula"},
    Group{"memory.ends", "name bytes formula_bytes in_formula"},
    Group{"memory.at_peak", "name layer class bytes"},
    Group{"memory.tide", "rank turn microseconds saved recomputed transient workspace"},
    Group{"comm", "backend transport wire_bytes_per_step registered_bytes emulated"},
    Group{"comm.calls",
          "op purpose count bytes wire_bytes node_bytes network_bytes seconds blocked_seconds "
          "busbw_gbytes_per_s"},
    Group{"comm.algorithms", "op dtype bytes overlapping algorithm"},
    Group{"comm.algorithms.seconds", "native pairwise ring hierarchical"},
    Group{"comm.pieces", "message_bytes piece_bytes whole_seconds pieces_seconds cuts"},
    Group{"overlap",
          "mode exposed_ms serial_exposed_ms split_cost_ms timeline_exposed_ms intersect_ms "
          "polling_ms efficiency efficiency_ci schedule_efficiency efficiency_max osu_percent "
          "meaningful resolved exceeds_max void_because"},
    Group{"ranks_detail",
          "rank host device device_uuid device_pci_id threads step_ms busy_ms blocked_ms "
          "gemm_gflops peak_bytes process_bytes cores physical_cores numa_nodes thread_cores "
          "core_limit device_numa_node"},
    Group{"placement", "problems problem_count remarks"},
    Group{"time.step_ms", figures_of_a_run},
    Group{"time.serial_ms", figures_of_a_run},
    Group{"time.compute_serial_ms", figures_of_a_run},
    Group{"time.compute_ms", figures_of_a_run},
    Group{"time.comm_ms", figures_of_a_run},
    Group{"time.forward_ms", figures_of_a_run},
    Group{"time.backward_ms", figures_of_a_run},
};

/// Objects to which a machine or a test adds keys that are not known in advance.
bool is_open(std::string_view root) { return root == "provenance" || root == "test"; }

std::vector<std::string> all_keys() {
  std::vector<std::string> keys;
  for (const Group& group : groups) {
    const std::string prefix = group.parent.empty() ? "" : std::string(group.parent) + ".";
    if (!group.parent.empty()) keys.emplace_back(group.parent);
    std::string_view rest = group.names;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      keys.push_back(prefix + std::string(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return keys;
}

const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> keys = all_keys();
  return keys;
}

bool has_child_of(std::string_view key, std::string_view parent) {
  return key.size() > parent.size() + 1 && key.starts_with(parent) && key[parent.size()] == '.';
}

/// True for a setting or a section of settings.
bool is_of_a_case(std::string_view name) {
  const auto& settings = config::settings();
  return std::any_of(settings.begin(), settings.end(), [&](const config::Setting& setting) {
    return setting.name == name || has_child_of(setting.name, name);
  });
}

/// The known keys in the object that should hold `name`, or if there are none in the next outer
/// one.
std::vector<std::string_view> neighbours_of(std::string_view name) {
  std::vector<std::string_view> found;
  while (found.empty() && name.find('.') != std::string_view::npos) {
    name = name.substr(0, name.rfind('.'));
    for (const std::string& key : known_keys()) {
      if (has_child_of(key, name)) found.push_back(key);
    }
  }
  return found;
}

}  // namespace

void refuse_unknown_key(const RecordPath& path, const std::string& where) {
  const std::vector<std::string> names = path.keys();
  if (names.size() == 1 || is_open(path.root())) return;
  const std::string name = fmt::format("{}", fmt::join(names, "."));
  const auto refuse = [&](const std::string& what) {
    config::refuse(where, "key", fmt::format("'{}': {}", config::one_line(path.text()), what));
  };
  if (path.root() == "case") {
    const std::string setting = name.substr(std::string_view("case.").size());
    if (!is_of_a_case(setting)) refuse(config::unknown_key_message(setting, "case."));
    return;
  }
  const std::vector<std::string>& known = known_keys();
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  const std::vector<std::string_view> near = neighbours_of(name);
  if (near.empty()) refuse(fmt::format("unknown key; {} has no keys below it", path.root()));
  refuse(config::unknown_key_message(name, near));
}

}  // namespace tidemark::criteria
