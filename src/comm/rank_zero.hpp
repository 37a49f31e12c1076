// SPDX-License-Identifier: BSD-3-Clause
// Work that rank 0 does for all ranks.
#pragma once

#include <functional>
#include <string>

#include "comm/communicator.hpp"

namespace tidemark::comm {

/// Runs `work` on rank 0 only and returns its text on every rank. If `work` throws an Error, every
/// rank throws one with the same line, the same status and Scope::all_ranks. Collective.
std::string from_rank_zero(Communicator& communicator, const std::function<std::string()>& work);

}  // namespace tidemark::comm
