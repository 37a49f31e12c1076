// The calls that a communicator makes before it is used.
#pragma once

#include "base/memory_source.hpp"
#include "comm/communicator.hpp"

namespace tidemark::comm {

/// Carries out one call of each kind, with a short and a long message, in memory of that kind, and
/// forgets what the counters say of it. Collective.
///
/// NCCL, from 2.22 on, connects ranks, and takes the memory for that, at the first call that goes a
/// certain way. After this no step waits for it, and its memory can be told from the step's.
void carry_out_first_calls(Communicator& communicator, const MemorySource& memory);

}  // namespace tidemark::comm
