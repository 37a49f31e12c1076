// SPDX-License-Identifier: BSD-3-Clause
// Whether a process on this node has already said why the job ends.
#pragma once

#include <atomic>

namespace tidemark {

/// From now on note_last_words sets `flag`, which other processes may see. `flag` must stay valid
/// until the process ends.
void share_last_words(std::atomic<bool>& flag) noexcept;

/// Call it before a process prints its own line on stderr and ends itself. Then other processes
/// need not report that it has gone. Any thread may call it.
void note_last_words() noexcept;

}  // namespace tidemark
