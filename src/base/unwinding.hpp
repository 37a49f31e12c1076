// SPDX-License-Identifier: BSD-3-Clause
// The one rule for destructors that would have to wait for other ranks.
#pragma once

#include <exception>

namespace tidemark {

/// Whether an error unwinds this rank, so that the process soon ends with status 3.
///
/// A destructor asks this before it waits for other ranks, because they may never join. If an error
/// unwinds, it frees nothing that needs them: it abandons or aborts what is pending, and returns.
/// The end of the process frees the rest. Otherwise it ends what it owns, and an error that it
/// meets becomes a line on stderr, because a destructor cannot throw.
[[nodiscard]] inline bool an_error_unwinds() noexcept { return std::uncaught_exceptions() > 0; }

}  // namespace tidemark
