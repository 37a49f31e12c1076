// SPDX-License-Identifier: BSD-3-Clause
// Checks that an input is text, before it is parsed as YAML.
#pragma once

#include <string>

#include "config/reader.hpp"

namespace tidemark::config {

/// Throws InputError at the first byte that is a control character or not UTF-8. yaml-cpp takes
/// some control characters for the end of the file, and would accept the text before them. It also
/// accepts text that a record cannot hold.
void refuse_what_is_no_text(const std::string& text, const Location& origin);

/// The error line for the first line, up to number `last`, that is indented by a character that
/// only looks like spaces. "" if there is none. In such a case yaml-cpp's own message names another
/// location.
std::string wrong_indentation(const std::string& text, const Location& origin, int last);

}  // namespace tidemark::config
