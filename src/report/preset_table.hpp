// SPDX-License-Identifier: BSD-3-Clause
// The table that `tidemark plan --list-presets` prints.
#pragma once

#include <string>

namespace tidemark::report {

/// A heading, and one row per preset: name, family, L, h, ffn, a, g, s, V, and parameters. The
/// parameters are those of the whole stack with its ends, in 1e9.
[[nodiscard]] std::string preset_table();

}  // namespace tidemark::report
