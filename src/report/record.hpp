// SPDX-License-Identifier: BSD-3-Clause
// The record of a case: one JSON object on one line, the form in which results are kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "bench/result.hpp"
#include "config/case.hpp"
#include "report/schema_version.hpp"

namespace tidemark::report {

/// The record of a run. Units are in the names; what is not known is null. Throws RunError where a
/// figure is not finite, rather than write something else in its place.
nlohmann::ordered_json run_record(const bench::CaseResult& result,
                                  const nlohmann::ordered_json& provenance);

/// The record of a plan: the keys of a run's that can be predicted, and `memory.total_bytes`,
/// `memory.fits`.
nlohmann::ordered_json plan_record(const bench::PlanResult& plan,
                                   std::optional<std::int64_t> device_memory,
                                   const nlohmann::ordered_json& provenance);

/// Every resolved setting, nested as in the input.
nlohmann::ordered_json case_json(const config::Case& c);

}  // namespace tidemark::report
