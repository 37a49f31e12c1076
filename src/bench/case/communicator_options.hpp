// SPDX-License-Identifier: BSD-3-Clause
// Turns the settings of a case into the options of its communicator.
#pragma once

#include "comm/factory.hpp"
#include "config/case.hpp"

namespace tidemark::bench {

/// Throws InputError if the case asks for collectives in two levels on nodes with different numbers
/// of ranks.
void require_even_nodes(const config::Case& c, const comm::NodeMap& nodes);

comm::Backend backend_of(config::Backend setting);

/// nullopt for `auto`: the communicator measures which algorithm is fastest.
std::optional<comm::Algorithm> algorithm_of(config::Algorithm setting);

/// Writes all settings of the case that concern its communicator into `options`. The caller sets
/// where buffers are.
void set_options(const config::Case& c, comm::CommunicatorOptions& options);

}  // namespace tidemark::bench
