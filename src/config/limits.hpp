// SPDX-License-Identifier: BSD-3-Clause
// How large the sizes of one case may be.
#pragma once

#include "config/case.hpp"

namespace tidemark::config {

/// Throws InputError for a resolved case with dimensions or counts that BLAS and MPI cannot take,
/// with byte or operation counts near the end of 64 bits, or with a vocabulary that leaves a rank
/// nothing but padding. Its sizes divide as validate() asks for.
void validate_limits(const Case& c);

}  // namespace tidemark::config
