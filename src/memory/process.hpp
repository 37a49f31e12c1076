// Memory as the operating system sees it: the witness that the ledger must agree with.
#pragma once

#include <cstdint>
#include <optional>

namespace tidemark::memory {

/// The highest resident size of this process so far, or since the last reset, in bytes (VmHWM of
/// /proc/self/status); nullopt where the system does not say.
std::optional<std::int64_t> process_peak_bytes();

/// The resident size of this process now, bytes (VmRSS of /proc/self/status); nullopt likewise.
std::optional<std::int64_t> process_bytes();

/// Hands free heap memory back to the system and starts the high-water mark anew at the present
/// resident size. False where the system does not allow it: then the mark is of the whole process's
/// life.
bool reset_process_peak();

/// Bytes that processes of this node can still allocate without swapping: MemAvailable of
/// /proc/meminfo, or less where a control group (version 1 or 2) sets a limit. nullopt where
/// unknown.
std::optional<std::int64_t> available_node_bytes();

/// Bytes of address space that a limit (RLIMIT_AS, `ulimit -v`) leaves this process; nullopt where
/// there is none. An allocator of a library may not come back from beyond it.
std::optional<std::int64_t> process_headroom();

}  // namespace tidemark::memory
