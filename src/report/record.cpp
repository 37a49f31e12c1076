// SPDX-License-Identifier: BSD-3-Clause
#include "report/record.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/words.hpp"
#include "comm/operation.hpp"
#include "config/schema.hpp"
#include "report/json_values.hpp"
#include "report/provenance.hpp"
#include "report/record_comm.hpp"

namespace tidemark::report {

namespace {

// An infinite error or loss is a finding and not a failure to measure. JSON has no number for it,
// so the record has a word instead.
Json finding_json(double value, const char* word) {
  return std::isfinite(value) ? Json(value) : Json(word);
}

Json verification_json(const bench::Verification& verification) {
  Json json;
  json["performed"] = verification.performed();
  json["passed"] = verification.performed() ? Json(verification.passed()) : Json();
  json["checks"] = Json::array();
  for (const bench::Check& check : verification.checks) {
    json["checks"].push_back({{"name", check.name},
                              {"value", finding_json(check.value, "infinite")},
                              {"bound", check.bound},
                              {"passed", check.passed()},
                              {"where", check.where}});
  }
  return json;
}

Json time_json(const bench::CaseResult& result) {
  Json json;
  json["step_ms"] = summary_json(result.step_ms);
  const auto variant_json = [&](std::vector<double> bench::OverlapSamples::*samples) {
    return result.overlap ? summary_json(bench::summarize(result.overlap->samples.*samples))
                          : Json();
  };
  json["serial_ms"] = variant_json(&bench::OverlapSamples::serial);
  json["compute_serial_ms"] = variant_json(&bench::OverlapSamples::compute_serial);
  json["compute_ms"] = variant_json(&bench::OverlapSamples::compute);
  json["comm_ms"] = variant_json(&bench::OverlapSamples::comm);
  json["forward_ms"] = summary_json(result.forward_ms);
  json["backward_ms"] = summary_json(result.backward_ms);
  json["warmup_steps"] = result.warm_up.steps;
  json["warmup_seconds"] = number(result.warm_up.seconds);
  json["measured_seconds"] = number(result.measured_seconds());
  json["drift"] = result.drift ? Json(number(result.drift->share)) : Json();
  json["drifting"] = result.drift ? Json(result.drift->exceeds_noise) : Json();
  return json;
}

// A case on an emulated link has no figure of merit, because the link does not exist.
Json merit_json(const bench::CaseResult& result) {
  Json json;
  const bool has_merit = result.has_merit();
  json["model_tflops_per_s"] = has_merit ? Json(number(result.model_tflops_per_s())) : Json();
  json["model_tflops_per_s_ci"] = nullptr;
  if (const auto interval = result.model_tflops_interval(); has_merit && interval) {
    json["model_tflops_per_s_ci"] = {number(interval->first), number(interval->second)};
  }
  json["tokens_per_s"] = has_merit ? Json(number(result.tokens_per_s())) : Json();
  return json;
}

Json flops_json(const bench::CaseResult& result) {
  Json json;
  json["model_per_step"] = number(result.model_flops_per_step);
  json["launched_per_rank"] = number(result.launched_flops_per_rank);
  json["gflops_per_rank"] = number(result.gflops_per_rank());
  json["gemm_gflops_per_rank"] = number(result.gemm_gflops.median);
  json["gemm_gflops_samples"] = numbers(result.gemm_gflops.samples);
  json["fraction_of_gemm"] = number(result.fraction_of_gemm());
  json["disturbed"] = result.product_rate_was_disturbed();
  json["ceiling_gflops_per_rank"] = or_null(result.ceiling_gflops);
  json["mfu"]["full"] = or_null(result.mfu());
  json["mfu"]["causal"] = or_null(result.causal_mfu());
  json["hfu"]["launched"] = or_null(result.hfu());
  return json;
}

Json products_json(const bench::ProductChoice& products) {
  Json json;
  json["name"] = word_of(products.library);
  json["gflops_per_rank"] = nullptr;
  for (const auto& [library, gflops] : products.gflops) {
    json["gflops_per_rank"][std::string(word_of(library))] = number(gflops);
  }
  json["scratch_bytes"] = or_null(products.scratch_bytes);
  return json;
}

Json saved_lines_json(const std::vector<bench::SavedLine>& lines, const std::string& suffix) {
  Json json = Json::array();
  for (const bench::SavedLine& line : lines) {
    json.push_back({{"name", line.name},
                    {"bytes" + suffix, line.bytes},
                    {"formula_bytes" + suffix, line.formula_bytes},
                    {"in_formula", line.in_formula}});
  }
  return json;
}

Json memory_json(const bench::MemoryFigures& memory) {
  Json json;
  json["saved_bytes"] = memory.saved;
  json["saved_bytes_per_layer"] = memory.saved_per_layer;
  json["formula_bytes_per_layer"] = memory.formula_per_layer;
  json["closed_formula_bytes_per_layer"] = or_null(memory.closed_formula_per_layer);
  json["ends_saved_bytes"] = memory.saved_of_ends;
  json["ends_formula_bytes"] = memory.formula_of_ends;
  json["ends_closed_formula_bytes"] = or_null(memory.closed_formula_of_ends);
  json["norm_statistics_bytes"] = memory.norm_statistics;
  json["peak_bytes"] = memory.peak;
  json["pool_bytes"] = or_null(memory.pool);
  json["process_bytes"] = or_null(memory.process);
  json["parameter_bytes"] = memory.parameters;
  json["gradient_bytes"] = memory.gradients;
  json["optimizer_bytes"] = or_null(memory.optimizer);
  json["communication_buffer_bytes"] = memory.communication_buffers;
  json["communication_library_bytes"] = or_null(memory.communication_library);
  json["by_tensor"] = saved_lines_json(memory.by_tensor, "_per_layer");
  json["ends"] = saved_lines_json(memory.of_ends, "");
  json["at_peak"] = Json::array();
  for (const bench::LedgerLine& line : memory.at_peak) {
    json["at_peak"].push_back({{"name", line.name},
                               {"layer", line.layer < 0 ? Json() : Json(line.layer)},
                               {"class", line.tensor_class},
                               {"bytes", line.bytes}});
  }
  json["tide"] = nullptr;
  return json;
}

// The trace of the first rank, because under tensor parallelism all ranks do the same.
Json tide_json(const std::vector<bench::StepTrace>& traces) {
  if (traces.empty()) {
    return {};
  }
  const memory::TideHistory& tide = traces.front().tide;
  Json json;
  json["rank"] = 0;
  json["turn"] = tide.turn;
  json["microseconds"] = Json::array();
  for (const memory::LiveBytes& live : tide.changes) {
    json["microseconds"].push_back(number(std::round(live.seconds * 1e7) / 10.0));
  }
  for (const memory::TensorClass tensor_class : memory::all_tensor_classes) {
    Json& series = json[std::string(memory::name_of(tensor_class))] = Json::array();
    for (const memory::LiveBytes& live : tide.changes) {
      series.push_back(live.bytes[static_cast<std::size_t>(tensor_class)]);
    }
  }
  return json;
}

Json ranks_json(const bench::CaseResult& result) {
  Json json = Json::array();
  for (std::size_t rank = 0; rank < result.rank_details.size(); ++rank) {
    const bench::RankDetail& detail = result.rank_details[rank];
    json.push_back({{"rank", rank},
                    {"host", detail.host},
                    {"device", detail.device.name},
                    {"device_uuid", or_null(detail.device.uuid)},
                    {"device_pci_id", or_null(detail.device.pci_id)},
                    {"threads", detail.threads},
                    {"step_ms", number(detail.step_ms)},
                    {"busy_ms", number(detail.busy_ms)},
                    {"blocked_ms", number(detail.blocked_ms)},
                    {"gemm_gflops", number(detail.gemm_gflops)},
                    {"peak_bytes", detail.peak_bytes},
                    {"process_bytes", or_null(detail.process_bytes)},
                    {"cores", detail.cores}});
  }
  return json;
}

Json placement_json(const job::Placement& placement) {
  if (placement.places.empty()) return {};
  return {{"problems", placement.problems},
          {"problem_count", placement.problems.size()},
          {"remarks", placement.remarks}};
}

// Adds what the placement knows of each rank to the rank's detail.
void add_places(const job::Placement& placement, Json& ranks) {
  for (std::size_t rank = 0; rank < std::min(ranks.size(), placement.places.size()); ++rank) {
    const job::Place& place = placement.places[rank];
    Json& json = ranks[rank];
    json["physical_cores"] = place.physical_cores();
    json["numa_nodes"] = place.numa_nodes();
    json["thread_cores"] = Json::array();
    for (const job::CpuList& cpus : place.threads) {
      json["thread_cores"].push_back(job::text_of(cpus));
    }
    json["core_limit"] = place.cpu_limit ? Json(number(place.cpu_limit->cores)) : Json();
    json["device_numa_node"] = place.device_numa_node ? Json(*place.device_numa_node) : Json();
  }
}

Json test_json(const std::optional<bench::SlowRank>& slow) {
  if (!slow) return {};
  return {{"slow_rank", slow->rank}, {"share", number(slow->share)}};
}

}  // namespace

nlohmann::ordered_json case_json(const config::Case& c) {
  Json json;
  for (const auto& [name, value] : config::resolved_settings(c)) {
    Json* place = &json;
    std::size_t start = 0;
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', start)) {
      place = &(*place)[name.substr(start, dot - start)];
      start = dot + 1;
    }
    std::visit([&](const auto& v) { (*place)[name.substr(start)] = v; }, value);
  }
  return json;
}

nlohmann::ordered_json run_record(const bench::CaseResult& result,
                                  const nlohmann::ordered_json& provenance) {
  Json json;
  json["schema_version"] = schema_version;
  json["kind"] = "run";
  json["case"] = case_json(result.settings);
  json["case_index"] = result.settings.index;
  json["case_fnv1a_64"] = digest_of(json["case"].dump());
  json["test"] = test_json(result.slow_rank);
  json["ranks"] = result.ranks;
  json["valid"] = result.verification.performed() ? Json(result.valid()) : Json();
  json["verification"] = verification_json(result.verification);
  json["fom"] = merit_json(result);
  json["loss"] = result.loss ? finding_json(*result.loss, "not finite") : Json();
  json["time"] = time_json(result);
  json["flops"] = flops_json(result);
  json["product_library"] = products_json(result.products);
  json["memory"] = memory_json(result.memory);
  json["memory"]["tide"] = tide_json(result.traces);
  json["comm"] = comm_json(result.backend, result.transport, result.calls);
  json["comm"]["registered_bytes"] = or_null(result.registered_bytes);
  json["comm"]["algorithms"] = algorithms_json(result.algorithms);
  json["comm"]["pieces"] = pieces_json(result.pieces);
  json["comm"]["emulated"] = result.is_emulated();
  json["overlap"] = overlap_json(result);
  json["ranks_detail"] = ranks_json(result);
  add_places(result.placement, json["ranks_detail"]);
  json["placement"] = placement_json(result.placement);
  json["provenance"] = provenance;
  return json;
}

nlohmann::ordered_json plan_record(const bench::PlanResult& plan,
                                   std::optional<std::int64_t> device_memory,
                                   const nlohmann::ordered_json& provenance) {
  Json json;
  json["schema_version"] = schema_version;
  json["kind"] = "plan";
  json["case"] = case_json(plan.settings);
  json["case_index"] = plan.settings.index;
  json["case_fnv1a_64"] = digest_of(json["case"].dump());
  json["ranks"] = plan.settings.parallel.tensor;
  json["valid"] = nullptr;
  json["flops"]["model_per_step"] = number(plan.model_flops_per_step);
  json["flops"]["launched_per_rank"] = number(plan.launched_flops_per_rank);
  json["product_library"]["name"] = plan.products ? Json(word_of(*plan.products)) : Json();
  json["memory"] = memory_json(plan.memory);
  json["memory"]["total_bytes"] = plan.total_bytes();
  json["memory"]["device_bytes"] = or_null(device_memory);
  json["memory"]["fits"] = device_memory ? Json(plan.total_bytes() <= *device_memory) : Json();
  json["comm"] = comm_json(nullptr, nullptr, plan.calls);
  json["comm"]["registered_bytes"] = nullptr;
  json["comm"]["algorithms"] = nullptr;
  json["comm"]["pieces"] = nullptr;
  json["comm"]["emulated"] = nullptr;
  json["provenance"] = provenance;
  return json;
}

}  // namespace tidemark::report
