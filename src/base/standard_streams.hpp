// SPDX-License-Identifier: BSD-3-Clause
// Standard output and standard error. They may be closed or full, and no measurement is lost.
#pragma once

#include <string_view>

namespace tidemark {

/// Opens each of the descriptors 0 to 2 that is closed at the start of the process on /dev/null.
/// Otherwise the next file that the process opens would take this number, and printed text would go
/// into it. main calls this first.
void keep_standard_descriptors_open() noexcept;

/// Flushes standard output, then writes `text` to standard error in one piece. A failed write is
/// not an error, because there is nowhere to report it. Control characters can change the state of
/// a terminal. So all of them except the line break are written in the form \x1b.
void say_on_stderr(std::string_view text) noexcept;

/// The same for the line of an error, and adds the line break.
void print_error(std::string_view line) noexcept;

}  // namespace tidemark
