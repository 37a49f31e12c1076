// SPDX-License-Identifier: BSD-3-Clause
// How the readers of the input word their refusals: one line, location first.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/case.hpp"

namespace tidemark::config {

/// `text` made fit for a one-line message: control characters are escaped, and what lies beyond
/// `limit` bytes is replaced by "..." (never inside a UTF-8 sequence).
[[nodiscard]] std::string one_line(std::string_view text, std::size_t limit = 80);

/// Throws InputError("WHERE: KEY: WHAT"), or "WHERE: WHAT" for an empty key.
[[noreturn]] void refuse(std::string_view where, std::string_view key, std::string_view what);

/// Refuses what `key` has in a case, where that was given. Where the line speaks of settings that
/// nobody wrote down but the preset, it ends with what the preset says of them.
[[noreturn]] void refuse_key(const Case& c, const std::string& key, std::string_view what);

}  // namespace tidemark::config
