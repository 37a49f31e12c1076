// Whether a case fits, asked before anything of it is allocated.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "comm/communicator.hpp"
#include "config/case.hpp"

namespace tidemark::bench {

/// Bytes that a rank will need for `c`: parameters, gradients, what the pool will hold of
/// activations, own buffers for communication, and an allowance for libraries.
std::int64_t required_bytes(const config::Case& c);

/// Throws RunError, the same on all ranks, when the processes of a node together need more than
/// `available_bytes`, what the node has left (nullopt: unknown, then nothing is refused).
/// Collective.
void require_capacity(const config::Case& c, std::optional<std::int64_t> available_bytes,
                      int processes_on_node, comm::Communicator& communicator);

}  // namespace tidemark::bench
