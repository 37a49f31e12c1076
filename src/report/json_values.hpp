// SPDX-License-Identifier: BSD-3-Clause
// Converts values to JSON for a record.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "bench/statistics.hpp"

namespace tidemark::report {

using Json = nlohmann::ordered_json;

// nlohmann would write NaN and infinity as null, which means "not known".
inline double number(double value) {
  TIDEMARK_REQUIRE(std::isfinite(value), "a figure of the record is not finite");
  return value;
}

inline Json numbers(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double value : values) {
    json.push_back(number(value));
  }
  return json;
}

inline Json or_null(const std::optional<std::int64_t>& value) {
  return value ? Json(*value) : Json();
}
inline Json or_null(const std::optional<double>& value) {
  return value ? Json(number(*value)) : Json();
}

/// An empty text means that the value is not known.
inline Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

inline Json summary_json(const bench::Summary& summary) {
  Json json;
  json["median"] = number(summary.median);
  json["min"] = number(summary.min);
  json["max"] = number(summary.max);
  json["iterations"] = summary.samples.size();
  json["samples"] = numbers(summary.samples);
  return json;
}

}  // namespace tidemark::report
