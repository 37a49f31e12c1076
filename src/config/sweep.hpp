// SPDX-License-Identifier: BSD-3-Clause
// From the input file and the command line to the list of cases.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/case.hpp"

namespace tidemark::config {

/// Most cases that one input may stand for: beyond, a sweep is a slip of the keyboard.
inline constexpr std::size_t max_cases = 10'000;

/// All cases of an input, in order: the cross product of the `sweep` axes, the first of them
/// varying slowest; one case where nothing is swept. Each is resolved, validated, and knows its
/// `index`, its `swept` values and the locations of what was given. What `model.preset` says stands
/// below everything else that is given or swept.
///
/// `text` is the file's content, `file` its name for messages. `overrides` are the arguments of
/// `--set`, `KEY=VALUE` each, applied in order, so that the later wins. `KEY` alone replaces a
/// setting, and the axis of that setting where there is one; `sweep.KEY=[A, B]` replaces an axis
/// in its place or adds one at the end (the fastest). VALUE is read as YAML.
///
/// Throws InputError, one line, `FILE:LINE:COL: KEY: ...` or `--set KEY=VALUE: KEY: ...`, for
/// anything wrong in any case: before the first case runs.
[[nodiscard]] std::vector<Case> load_cases(const std::string& text, const std::string& file,
                                           const std::vector<std::string>& overrides);

}  // namespace tidemark::config
