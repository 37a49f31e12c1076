// SPDX-License-Identifier: BSD-3-Clause
// The calls that a communicator makes before it is used.
#pragma once

#include "base/memory_source.hpp"
#include "comm/communicator.hpp"

namespace tidemark::comm {

/// Makes one call of each kind with a short and a long message, in buffers from `memory`, and
/// resets the counters. Collective.
///
/// NCCL from 2.22 on connects two ranks, and takes memory for this, at the first call that needs
/// the connection. After these calls no step waits for it, and its memory is separate from the
/// step's.
void carry_out_first_calls(Communicator& communicator, const MemorySource& memory);

}  // namespace tidemark::comm
