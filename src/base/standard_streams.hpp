// SPDX-License-Identifier: BSD-3-Clause
// Standard output and standard error, which may be closed, or full, without costing a measurement.
#pragma once

#include <string_view>

namespace tidemark {

/// Opens on /dev/null whichever of descriptors 0 to 2 the process was started without: the next
/// file that it opens would take their numbers, and what is printed would end in it. First thing in
/// main.
void keep_standard_descriptors_open() noexcept;

/// Writes text to standard error in one piece, behind what standard output holds back. Where it
/// cannot be written there is nobody to tell, so that is not an error. Control characters but the
/// line break, which would play with a terminal, are written as \x1b.
void say_on_stderr(std::string_view text) noexcept;

/// The same for an error's line, with its line break.
void print_error(std::string_view line) noexcept;

}  // namespace tidemark
