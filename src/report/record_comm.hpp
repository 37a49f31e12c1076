// SPDX-License-Identifier: BSD-3-Clause
// The part of a record on communication and on how it was hidden. docs/definitions/ has the keys.
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "bench/result.hpp"

namespace tidemark::report {

/// `comm`. A plan passes null for backend and transport, because it has neither.
nlohmann::ordered_json comm_json(const nlohmann::ordered_json& backend,
                                 const nlohmann::ordered_json& transport,
                                 const std::vector<bench::CallLine>& calls);
/// `comm.algorithms`.
nlohmann::ordered_json algorithms_json(const std::vector<comm::AlgorithmChoice>& choices);
nlohmann::ordered_json pieces_json(const std::optional<comm::PieceChoice>& choice);
/// `overlap`; all null if overlap was not measured.
nlohmann::ordered_json overlap_json(const bench::CaseResult& result);

}  // namespace tidemark::report
