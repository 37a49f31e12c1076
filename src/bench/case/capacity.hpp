// SPDX-License-Identifier: BSD-3-Clause
// Checks whether a case fits into memory, before anything of it is allocated.
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

/// The memory that is left for a case. nullopt: unknown or unlimited. Then no case is refused.
struct MemoryLeft {
  std::optional<std::int64_t> on_node;  ///< bytes for all processes of the node together
  int processes_on_node = 1;
  std::optional<std::int64_t> of_process = {};  ///< bytes that a limit leaves to this process
};

/// Throws the same RunError on all ranks in two cases: the processes of a node together need more
/// than the node has left, or a process needs more than its own limit. Collective.
void require_capacity(const config::Case& c, const MemoryLeft& left,
                      comm::Communicator& communicator);

}  // namespace tidemark::bench
