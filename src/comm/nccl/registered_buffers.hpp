// SPDX-License-Identifier: BSD-3-Clause
// Memory that NCCL allocates and registers with a communicator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "comm/nccl/link.hpp"
#include "job/watchdog.hpp"

namespace tidemark::comm {

/// Memory for the buffers of NCCL calls. ncclMemAlloc allocates it so that other devices, the
/// switch between them and the network adapter can map it. ncclCommRegister registers it, so that
/// NCCL moves it without internal copies. Both functions are local: no rank waits for another rank
/// in them.
///
/// Any failure ends the link and throws RunError. The memory then stays allocated until the process
/// ends, because other ranks' calls may still read it.
class NcclBuffers {
 public:
  /// CUDA maps memory in pieces of this size, to which ncclMemAlloc rounds up.
  static constexpr std::size_t unit = std::size_t{2} << 20;

  /// `watchdog` watches the host's calls. Both arguments must outlive this object.
  NcclBuffers(NcclLink& link, job::Watchdog& watchdog) : link_(link), watchdog_(watchdog) {}
  NcclBuffers(const NcclBuffers&) = delete;
  NcclBuffers& operator=(const NcclBuffers&) = delete;

  /// Allocates and registers memory. Never returns null.
  [[nodiscard]] void* allocate(std::size_t bytes);
  /// Frees `memory`, which `allocate` returned. No pending call may use it, and the link must not
  /// be broken.
  void release(void* memory);

  /// Bytes held that NCCL has registered. 0 if NCCL declines to register (NCCL_LOCAL_REGISTER=0).
  [[nodiscard]] std::int64_t registered_bytes() const;
  /// Bytes that have not been released.
  [[nodiscard]] std::size_t held_bytes() const;

 private:
  struct Segment {
    std::size_t bytes;
    void* handle;  ///< of the registration; null if NCCL declined it
  };

  NcclLink& link_;
  job::Watchdog& watchdog_;
  std::map<void*, Segment> segments_;
};

}  // namespace tidemark::comm
