// What must hold between the settings of one case.
#pragma once

#include "config/case.hpp"

namespace tidemark::config {

/// Fills the settings whose default depends on others: ffn_hidden_size, num_query_groups and
/// max_iterations, where the input does not give them. The required ones are there already.
void resolve_defaults(Case& c);

/// Throws InputError for a resolved case that cannot be computed: indivisible sizes, contradictory
/// settings, dimensions or counts that BLAS and MPI cannot take, and byte or operation counts near
/// the end of 64 bits. `parallel.tensor` against the number of ranks is for the caller to check.
void validate(const Case& c);

}  // namespace tidemark::config
