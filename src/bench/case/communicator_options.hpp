// SPDX-License-Identifier: BSD-3-Clause
// Turns the settings of a case into the options of its communicator.
#pragma once

#include "comm/factory.hpp"
#include "config/case.hpp"

namespace tidemark::bench {

comm::Backend backend_of(config::Backend setting);

/// nullopt for `auto`: the communicator measures which algorithm is fastest.
std::optional<comm::Algorithm> algorithm_of(config::Algorithm setting);

/// Writes all settings of the case that concern its communicator into `options`. The caller sets
/// where buffers are.
void set_options(const config::Case& c, comm::CommunicatorOptions& options);

}  // namespace tidemark::bench
