// Work that one rank does for all.
#pragma once

#include <functional>
#include <string>

#include "comm/communicator.hpp"

namespace tidemark::comm {

/// Runs `work` on rank 0 alone and returns its text on every rank. Where it throws an Error there,
/// every rank throws one of the same line and status, with Scope::all_ranks. Collective.
std::string from_rank_zero(Communicator& communicator, const std::function<std::string()>& work);

}  // namespace tidemark::comm
