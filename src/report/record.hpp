// SPDX-License-Identifier: BSD-3-Clause
// The record of a case: one JSON object on one line. Results are stored in this form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "bench/result.hpp"
#include "config/case.hpp"
#include "report/schema_version.hpp"

namespace tidemark::report {

/// The record of a run. Units are in the names. A value that is not known is null. Throws RunError
/// if a figure is not finite, so that no other value replaces it.
nlohmann::ordered_json run_record(const bench::CaseResult& result,
                                  const nlohmann::ordered_json& provenance);

/// The record of a plan: the keys of a run's record that can be predicted, and `memory.total_bytes`
/// and `memory.fits`.
nlohmann::ordered_json plan_record(const bench::PlanResult& plan,
                                   std::optional<std::int64_t> device_memory,
                                   const nlohmann::ordered_json& provenance);

/// Every resolved setting, nested as in the input.
nlohmann::ordered_json case_json(const config::Case& c);

}  // namespace tidemark::report
