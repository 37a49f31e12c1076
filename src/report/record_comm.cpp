// SPDX-License-Identifier: BSD-3-Clause
#include "report/record_comm.hpp"

#include <cmath>
#include <string>

#include "comm/operation.hpp"
#include "report/json_values.hpp"

namespace tidemark::report {

namespace {

using Sent = bench::CallLine::Sent;

/// A mean over ranks need not be whole, but its fraction means nothing.
Json sent_json(const bench::CallLine& call, double Sent::*bytes) {
  if (!call.sent) return {};
  return std::llround((*call.sent).*bytes);
}

}  // namespace

Json comm_json(const Json& backend, const Json& transport,
               const std::vector<bench::CallLine>& calls) {
  Json json;
  json["backend"] = backend;
  json["transport"] = transport;
  json["wire_bytes_per_step"] = bench::wire_bytes(calls, comm::Purpose::activation);
  json["calls"] = Json::array();
  for (const bench::CallLine& call : calls) {
    json["calls"].push_back({{"op", comm::name_of(call.operation)},
                             {"purpose", comm::name_of(call.purpose)},
                             {"count", call.count},
                             {"bytes", call.message_bytes},
                             {"wire_bytes", call.wire_bytes},
                             {"node_bytes", sent_json(call, &Sent::node_bytes)},
                             {"network_bytes", sent_json(call, &Sent::network_bytes)},
                             {"seconds", or_null(call.seconds)},
                             {"blocked_seconds", or_null(call.blocked_seconds)},
                             {"busbw_gbytes_per_s", or_null(call.busbw_gbytes_per_s)}});
  }
  return json;
}

Json algorithms_json(const std::vector<comm::AlgorithmChoice>& choices) {
  Json json = Json::array();
  for (const comm::AlgorithmChoice& choice : choices) {
    Json seconds;
    for (const comm::Algorithm algorithm : comm::all_algorithms) {
      const double measured = choice.seconds[static_cast<std::size_t>(algorithm)];
      seconds[std::string(comm::name_of(algorithm))] =
          measured > 0.0 ? Json(number(measured)) : Json();
    }
    json.push_back({{"op", comm::name_of(choice.operation)},
                    {"dtype", name_of(choice.dtype)},
                    {"bytes", choice.message_bytes},
                    {"overlapping", choice.overlapping},
                    {"algorithm", comm::name_of(choice.algorithm)},
                    {"seconds", seconds}});
  }
  return json;
}

Json pieces_json(const std::optional<comm::PieceChoice>& choice) {
  if (!choice) return {};
  return {{"message_bytes", choice->message_bytes},
          {"piece_bytes", choice->piece_bytes},
          {"whole_seconds", number(choice->whole_seconds)},
          {"pieces_seconds", number(choice->pieces_seconds)},
          {"cuts", choice->cuts}};
}

Json overlap_json(const bench::CaseResult& result) {
  Json json;
  if (!result.overlap) {
    json["mode"] = word_of(result.overlap_mode);
    for (const char* key :
         {"exposed_ms", "serial_exposed_ms", "split_cost_ms", "timeline_exposed_ms", "intersect_ms",
          "polling_ms", "efficiency", "efficiency_ci", "schedule_efficiency", "efficiency_max",
          "osu_percent", "meaningful", "resolved", "exceeds_max", "void_because"}) {
      json[key] = nullptr;
    }
    return json;
  }
  const bench::OverlapResult& overlap = *result.overlap;
  const bench::OverlapFigures& figures = overlap.figures;
  json["mode"] = word_of(result.overlap_mode);
  json["exposed_ms"] = number(figures.exposed_ms);
  json["serial_exposed_ms"] = number(figures.serial_exposed_ms);
  json["split_cost_ms"] = number(figures.split_cost_ms);
  json["timeline_exposed_ms"] = number(overlap.timeline_exposed_ms);
  json["intersect_ms"] = number(overlap.intersect_ms);
  json["polling_ms"] = number(overlap.polling_ms);
  // The record has no number for an unresolved efficiency; the interval says how much is known.
  json["efficiency"] = figures.is_resolved ? or_null(figures.efficiency) : Json();
  json["efficiency_ci"] = nullptr;
  if (figures.interval) {
    json["efficiency_ci"] = {number(figures.interval->first), number(figures.interval->second)};
  }
  json["schedule_efficiency"] = figures.is_resolved ? or_null(figures.schedule_efficiency) : Json();
  json["efficiency_max"] = or_null(figures.efficiency_max);
  json["osu_percent"] = or_null(figures.osu_percent);
  json["meaningful"] = figures.is_meaningful;
  json["resolved"] = figures.is_resolved;
  json["exceeds_max"] = figures.exceeds_max;
  json["void_because"] = overlap.void_because.empty() ? Json() : Json(overlap.void_because);
  return json;
}

}  // namespace tidemark::report
