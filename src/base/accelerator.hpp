// SPDX-License-Identifier: BSD-3-Clause
// The device that this rank computes on, if that is not the host: which one it is, its names, and
// its memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/device_clock.hpp"

namespace tidemark::accelerator {

/// The number of devices that this process sees. nullopt if kernels run on the host, or if Kokkos
/// is older than 4.3 and cannot tell. Throws RunError with the driver's words if there are none.
/// Kokkos need not be initialised.
std::optional<int> count_visible();

/// The device of a rank, from its place on the node. If the launcher shows each rank a single
/// device, it is that one. Otherwise the ranks of the node take one device each, in order. Throws
/// RunError if there are fewer devices than ranks.
int device_of_rank(int local_rank, int local_size, int visible);

/// The names of a device. A name that is not known is empty.
struct Identity {
  std::string name;    ///< "NVIDIA H100 80GB HBM3"
  std::string uuid;    ///< "GPU-...", as nvidia-smi prints it
  std::string pci_id;  ///< "0000:1b:00.0"

  bool operator==(const Identity&) const = default;
};

/// The names of the device that Kokkos computes on. On a host all are empty.
Identity identity();

/// The host of a rank, and the UUID of its device. The UUID is empty if it is not known.
struct Place {
  std::string host, uuid;
};
/// The line that reports a device which two ranks of a node share; "" if there is none. `places`
/// are in the order of the ranks. A device without a UUID counts as not shared.
std::string describe_sharing(const std::vector<Place>& places);

/// The clock of the device that Kokkos computes on; nullopt where no runtime of CUDA tells it.
std::optional<DeviceClock> clock();

/// Makes the calling thread use the device that Kokkos computes on. A new thread does not do so by
/// itself. Throws RunError if that fails. Does nothing on a host.
void use_device();

/// Bytes of the device's memory that are in use by any process, and bytes that are free.
struct Memory {
  std::size_t used = 0;
  std::size_t free = 0;
};
/// The memory of the device; nullopt on a host, and on a device that does not report it.
std::optional<Memory> memory();
/// `used` of memory() only.
std::optional<std::int64_t> bytes_in_use();

/// Memory for kernels; null if there is not enough. On CUDA it comes from cudaMalloc, even if
/// Kokkos was built to use cudaMallocAsync. Neither MPI nor NCCL can send memory from the pool of
/// cudaMallocAsync to another process without a copy.
[[nodiscard]] void* allocate(std::size_t bytes);
void release(void* memory) noexcept;

/// Host memory that the device copies from and to directly, if Kokkos or CUDA has such memory. null
/// if there is not enough.
[[nodiscard]] void* allocate_staging(std::size_t bytes);
void release_staging(void* memory) noexcept;
/// Copies that are complete on return. On CUDA they do not wait for kernels.
void copy_to_host(void* host, const void* device, std::size_t bytes);
void copy_to_device(void* device, const void* host, std::size_t bytes);

}  // namespace tidemark::accelerator
