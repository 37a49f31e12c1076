// SPDX-License-Identifier: BSD-3-Clause
// What an input must be before YAML is looked at: text.
#pragma once

#include <string>

#include "config/reader.hpp"

namespace tidemark::config {

/// Throws InputError at the first byte that is a control character or no UTF-8. yaml-cpp takes some
/// control characters for the end of the file, and would accept what stands before; and it lets
/// text pass that no record can hold.
void refuse_what_is_no_text(const std::string& text, const Location& origin);

/// The error line of the first line, up to number `last`, whose indentation looks like spaces and
/// is none; "" where there is none. yaml-cpp's own message names another place then.
std::string wrong_indentation(const std::string& text, const Location& origin, int last);

}  // namespace tidemark::config
