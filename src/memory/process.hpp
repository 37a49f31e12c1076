// SPDX-License-Identifier: BSD-3-Clause
// Memory as the operating system reports it. The ledger must agree with it.
#pragma once

#include <cstdint>
#include <optional>

namespace tidemark::memory {

/// The highest resident size of this process so far, or since the last reset, in bytes (VmHWM of
/// /proc/self/status); nullopt if the system does not tell.
std::optional<std::int64_t> process_peak_bytes();

/// The resident size of this process now, in bytes (VmRSS of /proc/self/status); nullopt if the
/// system does not tell.
std::optional<std::int64_t> process_bytes();

/// Returns free heap memory to the system, and restarts the high-water mark at the present resident
/// size. False if the system does not allow it. Then the mark covers the whole lifetime of the
/// process.
bool reset_process_peak();

/// Bytes that processes of this node can still allocate without swapping: MemAvailable of
/// /proc/meminfo, or less if a control group (version 1 or 2) has a limit. nullopt if unknown.
std::optional<std::int64_t> available_node_bytes();

/// Bytes of address space that a limit (RLIMIT_AS, `ulimit -v`) leaves to this process; nullopt
/// without a limit. An allocator of a library may not return after reaching the limit.
std::optional<std::int64_t> process_headroom();

}  // namespace tidemark::memory
