// SPDX-License-Identifier: BSD-3-Clause
// Tells communicators about the memory of kernels.
#pragma once

#include <cstdint>
#include <optional>

#include "base/device.hpp"
#include "base/memory_source.hpp"
#include "comm/communicator.hpp"
#include "comm/device_buffers.hpp"
#include "comm/factory.hpp"
#include "comm/wrappers/checking.hpp"
#include "config/case.hpp"

namespace tidemark::bench {

/// How to access buffers of kernels of `device`; nullopt if they are in host memory.
std::optional<comm::DeviceBuffers> buffers_of(const Device& device);

/// The functions that comm::CheckingCommunicator needs for such buffers, on a device or a host. The
/// device must outlive them.
comm::BufferFunctions buffer_functions_on(const Device& device);

/// Options of a communicator for such buffers. The caller fills in the rest.
comm::CommunicatorOptions options_on(const Device& device);

/// The memory source for the pool of activations. It is the communicator's buffer memory, if the
/// case requests it and the communicator has it. Otherwise it is the device's memory. The pool must
/// be destroyed before the communicator.
MemorySource segments_of(const config::Case& c, comm::Communicator& communicator);

/// Bytes of such a pool that the communicator's library has registered, on the rank with the
/// fewest. nullopt if the case does not request it, or the communicator has no such memory.
/// Collective.
std::optional<std::int64_t> registered_bytes(const config::Case& c,
                                             comm::Communicator& communicator);

}  // namespace tidemark::bench
