// SPDX-License-Identifier: BSD-3-Clause
// Sizes of memory in the form in which people write them on a command line.
#pragma once

#include <cstdint>
#include <string>

namespace tidemark::config {

/// The number of bytes that `text` means: "80GB" is 80 x 10^9, and "79.6GiB" is 79.6 x 2^30 rounded
/// down.
///
/// The form is a decimal number, at most one space, and a unit. The unit is required: B, kB, MB,
/// GB, TB (powers of 1000), KiB, MiB, GiB or TiB (powers of 1024). The prefix may be upper or lower
/// case. A small b is refused, because it can mean bits. `option` is the option's name with its
/// dashes. Throws InputError, `command line: OPTION: ...`, for any other text, for less than one
/// byte, and for more than 2^63 - 1 bytes.
[[nodiscard]] std::int64_t parse_byte_size(const std::string& text, const std::string& option);

}  // namespace tidemark::config
