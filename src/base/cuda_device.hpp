// SPDX-License-Identifier: BSD-3-Clause
// What the CUDA runtime says of devices and their memory. Knows nothing of Kokkos. Only builds that
// find the CUDA toolkit have these functions.
#pragma once

#include <cstddef>
#include <string>

#include "base/device_clock.hpp"

namespace tidemark::cuda {

/// The number of devices that this process sees. Throws RunError with the driver's words if there
/// are none.
int count_devices();

/// Makes `device` the current device of the calling thread. Throws RunError if that fails.
void use_device(int device);

/// Names of the current device: "NVIDIA H100 80GB HBM3", "GPU-...", "0000:1b:00.0".
std::string device_name();
std::string device_uuid();
std::string device_pci_id();

/// The clock of the current device.
DeviceClock clock();

/// Bytes of the current device that are in use by any process, and bytes that are free.
struct Memory {
  std::size_t used = 0;
  std::size_t free = 0;
};
Memory memory();

/// Memory of the current device from cudaMalloc; null if there is not enough.
[[nodiscard]] void* allocate(std::size_t bytes);
void release(void* memory) noexcept;

/// Host memory that the device copies from and to directly; null if there is not enough.
[[nodiscard]] void* allocate_pinned(std::size_t bytes);
void release_pinned(void* memory) noexcept;

/// Copies between the memory of a device and of the host, in either direction. Returns when the
/// copy is complete. It has its own stream and waits for no other stream. Only one thread at a time
/// may call it.
void copy(void* to, const void* from, std::size_t bytes);

}  // namespace tidemark::cuda
