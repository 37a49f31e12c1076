// SPDX-License-Identifier: BSD-3-Clause
// Upper limits on the sizes of one case.
#pragma once

#include "config/case.hpp"

namespace tidemark::config {

/// Throws InputError for a resolved case with dimensions or counts that BLAS and MPI cannot take.
/// Also refuses byte or operation counts near the end of 64 bits, and a vocabulary that leaves a
/// rank only padding. The sizes must already divide as validate() requires.
void validate_limits(const Case& c);

}  // namespace tidemark::config
