// What communicators are told of the memory that kernels work on.
#pragma once

#include <optional>

#include "base/device.hpp"
#include "comm/device_buffers.hpp"

namespace tidemark::bench {

/// How to get at buffers that kernels of `device` work on; nullopt where that is the host's memory.
std::optional<comm::DeviceBuffers> buffers_of(const Device& device);

}  // namespace tidemark::bench
