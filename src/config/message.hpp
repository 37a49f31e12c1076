// SPDX-License-Identifier: BSD-3-Clause
// Wording of the refusals of an input: one line that starts with the location.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/case.hpp"

namespace tidemark::config {

/// Makes `text` fit for a one-line message. Control characters are escaped. If `text` is longer
/// than `limit` bytes, "..." replaces the rest (never inside a UTF-8 sequence).
[[nodiscard]] std::string one_line(std::string_view text, std::size_t limit = 80);

/// Throws InputError("WHERE: KEY: WHAT"), or "WHERE: WHAT" for an empty key.
[[noreturn]] void refuse(std::string_view where, std::string_view key, std::string_view what);

/// Refuses the value of `key` in a case, at the location where it was given. If the line names
/// settings whose values come from the preset, it ends with the preset's values of them.
[[noreturn]] void refuse_key(const Case& c, const std::string& key, std::string_view what);

}  // namespace tidemark::config
