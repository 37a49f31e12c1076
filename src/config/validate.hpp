// SPDX-License-Identifier: BSD-3-Clause
// What must hold between the settings of one case.
#pragma once

#include "config/case.hpp"

namespace tidemark::config {

/// Fills the settings whose default depends on others, where the input does not give them:
/// ffn_hidden_size (which stays 0 in family llama, for validate() to ask for), num_query_groups,
/// the dropout probabilities and max_iterations. The required ones are there already.
void resolve_defaults(Case& c);

/// Throws InputError for a resolved case that cannot be computed: indivisible sizes, contradictory
/// settings, dimensions or counts that BLAS and MPI cannot take, and byte or operation counts near
/// the end of 64 bits. `parallel.tensor` against the number of ranks is for the caller to check.
void validate(const Case& c);

}  // namespace tidemark::config
