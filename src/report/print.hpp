// SPDX-License-Identifier: BSD-3-Clause
// Standard output.
#pragma once

#include <string>

namespace tidemark::report {

/// Writes and flushes. Throws RunError if that fails, because a table that nobody can read is no
/// result.
void print(const std::string& text);

}  // namespace tidemark::report
