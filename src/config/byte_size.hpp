// SPDX-License-Identifier: BSD-3-Clause
// Sizes of memory as people write them on a command line.
#pragma once

#include <cstdint>
#include <string>

namespace tidemark::config {

/// The bytes that `text` stands for: "80GB" is 80 x 10^9, "79.6GiB" is 79.6 x 2^30 rounded down.
///
/// A decimal number, at most one space, and a unit, which is never left out: B, kB, MB, GB, TB
/// (powers of 1000), KiB, MiB, GiB, TiB (powers of 1024). The prefix may be of either case; a small
/// b, which can mean bits, is refused. `option` is the option's name with its dashes.
/// Throws InputError, `command line: OPTION: ...`, for anything else, for less than one byte and
/// for more than 2^63 - 1.
[[nodiscard]] std::int64_t parse_byte_size(const std::string& text, const std::string& option);

}  // namespace tidemark::config
