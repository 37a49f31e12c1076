// SPDX-License-Identifier: BSD-3-Clause
// Turns the input file and the command line into the list of cases.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/case.hpp"

namespace tidemark::config {

/// Most cases of one input. A sweep with more cases is probably a typing error.
inline constexpr std::size_t max_cases = 10'000;

/// All cases of an input, in order: the cross product of the `sweep` axes. The first axis varies
/// slowest. Without a sweep there is one case. Each case is resolved and validated. It has its
/// `index`, its `swept` values and the locations of the given settings. Everything that is given or
/// swept overrides the values of `model.preset`.
///
/// `text` is the content of the file, and `file` its name for messages. `overrides` are the
/// arguments of `--set`, each `KEY=VALUE`. They are applied in order, so that a later one overrides
/// an earlier one. `KEY` replaces a setting, and removes the axis of that setting if there is one.
/// `sweep.KEY=[A, B]` replaces an existing axis, or adds one at the end, which varies fastest.
/// VALUE is read as YAML.
///
/// Throws InputError before the first case runs if anything is wrong in any case. The error is one
/// line, `FILE:LINE:COL: KEY: ...` or `--set KEY=VALUE: KEY: ...`.
[[nodiscard]] std::vector<Case> load_cases(const std::string& text, const std::string& file,
                                           const std::vector<std::string>& overrides);

}  // namespace tidemark::config
