// Memory of NCCL's own, registered with a communicator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "comm/nccl/link.hpp"
#include "job/watchdog.hpp"

namespace tidemark::comm {

/// What NCCL allocated for the buffers of its calls: by ncclMemAlloc, which is to say in a way that
/// other devices, the switch between them and the network's adapter can map, and registered by
/// ncclCommRegister, so that calls move it without copies of NCCL's. Both are local: no rank waits
/// for another in them.
///
/// Whatever fails ends the link and throws RunError; memory that is held then goes with the
/// process, since other ranks' calls may still be reading it.
class NcclBuffers {
 public:
  /// CUDA maps memory in pieces of this size, to which ncclMemAlloc rounds up.
  static constexpr std::size_t unit = std::size_t{2} << 20;

  /// `watchdog` watches the host's calls; both outlive this.
  NcclBuffers(NcclLink& link, job::Watchdog& watchdog) : link_(link), watchdog_(watchdog) {}
  NcclBuffers(const NcclBuffers&) = delete;
  NcclBuffers& operator=(const NcclBuffers&) = delete;

  /// Never null.
  [[nodiscard]] void* allocate(std::size_t bytes);
  /// No call under way uses `memory`, which `allocate` gave; the link is not broken.
  void release(void* memory);

  /// Bytes held that NCCL has registered: none where it declines to (NCCL_LOCAL_REGISTER=0).
  [[nodiscard]] std::int64_t registered_bytes() const;
  /// Bytes that have not been given back.
  [[nodiscard]] std::size_t held_bytes() const;

 private:
  struct Segment {
    std::size_t bytes;
    void* handle;  ///< of the registration; null where NCCL declined it
  };

  NcclLink& link_;
  job::Watchdog& watchdog_;
  std::map<void*, Segment> segments_;
};

}  // namespace tidemark::comm
