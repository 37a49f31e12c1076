// SPDX-License-Identifier: BSD-3-Clause
// Conditions between the settings of one case.
#pragma once

#include "config/case.hpp"

namespace tidemark::config {

/// Sets the settings whose default depends on other settings, unless the input gives them:
/// ffn_hidden_size, num_query_groups, the dropout probabilities and max_iterations. In family llama
/// ffn_hidden_size stays 0, and validate() asks for it. The required settings must already be set.
void resolve_defaults(Case& c);

/// Throws InputError for a resolved case that cannot be computed. It refuses indivisible sizes and
/// contradictory settings. It also refuses dimensions or counts that BLAS and MPI cannot take, and
/// byte or operation counts near the end of 64 bits. The caller must compare `parallel.tensor` with
/// the number of ranks.
void validate(const Case& c);

}  // namespace tidemark::config
