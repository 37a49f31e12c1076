// SPDX-License-Identifier: BSD-3-Clause
// The environment, or a replacement in a test.
#pragma once

#include <functional>

namespace tidemark::job {

/// Returns the value of a variable, or null if it is not set. std::getenv is one.
using Variables = std::function<const char*(const char* name)>;

}  // namespace tidemark::job
