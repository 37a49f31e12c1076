// What communicators need to work on buffers in a device's memory, in plain functions, since this
// folder knows no device.
#pragma once

#include <cstddef>
#include <functional>

#include "base/memory_source.hpp"
#include "comm/algorithms/sums.hpp"

namespace tidemark::comm {

/// The way of a device's buffers through the host's memory. Copies are complete on return.
struct StagingFunctions {
  MemorySource host;  ///< what the device copies from and to without a detour
  void (*to_host)(void* host, const void* device, std::size_t bytes) = nullptr;
  void (*to_device)(void* device, const void* host, std::size_t bytes) = nullptr;
};

/// Whose memory, as far as MPI makes a difference.
enum class DeviceKind { cuda, hip, other };

/// Buffers in a device's memory.
struct DeviceBuffers {
  DeviceKind kind = DeviceKind::cuda;
  MemorySource memory;
  SumFunction sum = nullptr;
  /// For a thread that works on them: to be called first.
  void (*use_device)() = nullptr;
  StagingFunctions staging;
  /// Copies within the device's memory, in the order of its compute stream.
  std::function<void(void* to, const void* from, std::size_t bytes)> copy_in_order;
};

}  // namespace tidemark::comm
