// SPDX-License-Identifier: BSD-3-Clause
// What the CUDA runtime says of devices, and their memory; knows nothing of Kokkos. Only builds
// that find the CUDA toolkit have these functions.
#pragma once

#include <cstddef>
#include <string>

namespace tidemark::cuda {

/// Devices that this process sees. Throws RunError with the driver's words where that is none.
int count_devices();

/// Makes it the current device of the calling thread. Throws RunError where that fails.
void use_device(int device);

/// The current device by its own names: "NVIDIA H100 80GB HBM3", "GPU-...", "0000:1b:00.0".
std::string device_name();
std::string device_uuid();
std::string device_pci_id();

/// Bytes of the current device that are in use, by anybody, and those that are not.
struct Memory {
  std::size_t used = 0;
  std::size_t free = 0;
};
Memory memory();

/// Memory of the current device by plain cudaMalloc; null where there is not enough of it.
[[nodiscard]] void* allocate(std::size_t bytes);
void release(void* memory) noexcept;

/// Host memory that the device copies from and to without a detour; null where there is not enough.
[[nodiscard]] void* allocate_pinned(std::size_t bytes);
void release_pinned(void* memory) noexcept;

/// Copies between a device's and the host's memory, in either direction, and returns when that is
/// done. It has a stream of its own, and waits for no other one. One thread at a time.
void copy(void* to, const void* from, std::size_t bytes);

}  // namespace tidemark::cuda
