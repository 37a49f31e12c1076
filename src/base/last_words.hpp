// SPDX-License-Identifier: BSD-3-Clause
// Whether somebody on this node has already said why the job ends.
#pragma once

#include <atomic>

namespace tidemark {

/// From now on note_last_words sets `flag`, which other processes may see; it must stay valid until
/// the process ends.
void share_last_words(std::atomic<bool>& flag) noexcept;

/// To be called before a process ends itself behind a line of its own on stderr: others then need
/// not say that it has gone. Any thread may call it.
void note_last_words() noexcept;

}  // namespace tidemark
