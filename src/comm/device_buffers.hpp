// SPDX-License-Identifier: BSD-3-Clause
// The functions that communicators need for buffers in device memory. They are plain functions,
// because this folder does not include the device's headers.
#pragma once

#include <cstddef>
#include <functional>

#include "base/memory_source.hpp"
#include "comm/algorithms/sums.hpp"

namespace tidemark::comm {

/// How a device's buffers travel through host memory. Copies are complete on return.
struct StagingFunctions {
  MemorySource host;  ///< the device copies from and to this memory directly
  void (*to_host)(void* host, const void* device, std::size_t bytes) = nullptr;
  void (*to_device)(void* device, const void* host, std::size_t bytes) = nullptr;
};

/// The kind of device memory, as far as MPI distinguishes it.
enum class DeviceKind { cuda, hip, other };

/// Buffers in a device's memory.
struct DeviceBuffers {
  DeviceKind kind = DeviceKind::cuda;
  MemorySource memory;
  SumFunction sum = nullptr;
  /// A thread that works on the buffers must call this first.
  void (*use_device)() = nullptr;
  StagingFunctions staging;
  /// Copies within the device's memory, in the order of its compute stream.
  std::function<void(void* to, const void* from, std::size_t bytes)> copy_in_order;
};

}  // namespace tidemark::comm
