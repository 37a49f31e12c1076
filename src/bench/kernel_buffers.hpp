// What communicators are told of the memory that kernels work on.
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

/// How to get at buffers that kernels of `device` work on; nullopt where that is the host's memory.
std::optional<comm::DeviceBuffers> buffers_of(const Device& device);

/// What comm::CheckingCommunicator needs of such buffers, or of the host's. The device must outlive
/// them.
comm::BufferFunctions buffer_functions_on(const Device& device);

/// Options of a communicator for such buffers; the rest is the caller's to fill in.
comm::CommunicatorOptions options_on(const Device& device);

/// Whence the pool of activations takes its segments: the communicator's memory for buffers where
/// the case asks for it and the communicator has such, else the device's. The pool must end before
/// the communicator.
MemorySource segments_of(const config::Case& c, comm::Communicator& communicator);

/// Bytes of such a pool that the communicator's library has registered, of the rank that has
/// fewest; nullopt where the case does not ask for it, or the communicator has no such memory.
/// Collective.
std::optional<std::int64_t> registered_bytes(const config::Case& c,
                                             comm::Communicator& communicator);

}  // namespace tidemark::bench
