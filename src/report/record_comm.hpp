// SPDX-License-Identifier: BSD-3-Clause
// What a record says of communication and of how it was hidden; keys in docs/definitions/.
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "bench/result.hpp"

namespace tidemark::report {

/// `comm`: a plan has neither backend nor transport: null.
nlohmann::ordered_json comm_json(const nlohmann::ordered_json& backend,
                                 const nlohmann::ordered_json& transport,
                                 const std::vector<bench::CallLine>& calls);
/// `comm.algorithms`
nlohmann::ordered_json algorithms_json(const std::vector<comm::AlgorithmChoice>& choices);
/// `overlap`: all null where nothing was measured.
nlohmann::ordered_json overlap_json(const bench::CaseResult& result);

}  // namespace tidemark::report
