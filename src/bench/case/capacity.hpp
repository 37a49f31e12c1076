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

/// What is left for a case. nullopt: unknown, or without a limit; then nothing is refused.
struct MemoryLeft {
  std::optional<std::int64_t> on_node;  ///< bytes, for all of its processes together
  int processes_on_node = 1;
  std::optional<std::int64_t> of_process = {};  ///< bytes that a limit leaves this process
};

/// Throws RunError, the same on all ranks, when the processes of a node together need more than the
/// node has left, or one needs more than its own limit. Collective.
void require_capacity(const config::Case& c, const MemoryLeft& left,
                      comm::Communicator& communicator);

}  // namespace tidemark::bench
