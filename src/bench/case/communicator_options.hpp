// From the settings of a case to the options of its communicator.
#pragma once

#include "comm/factory.hpp"
#include "config/case.hpp"

namespace tidemark::bench {

comm::Backend backend_of(config::Backend setting);

/// Nullopt for `auto`: the communicator measures which is fastest.
std::optional<comm::Algorithm> algorithm_of(config::Algorithm setting);

/// Writes all settings of the case that concern its communicator into `options`; where buffers lie
/// is the caller's to say.
void set_options(const config::Case& c, comm::CommunicatorOptions& options);

}  // namespace tidemark::bench
