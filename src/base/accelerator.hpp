// SPDX-License-Identifier: BSD-3-Clause
// The device that this rank computes on, where that is not the host: which one it is, what it is
// called, and its memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::accelerator {

/// Devices that this process sees; nullopt where kernels run on the host, or where Kokkos (before
/// 4.3) cannot tell. Throws RunError where there are none, in the driver's words. Needs no Kokkos
/// that is initialised.
std::optional<int> count_visible();

/// The device of a rank, by its place on the node. A launcher may show each rank one device alone,
/// its own; else the node's ranks take one each, in turn. Throws RunError where there are fewer.
int device_of_rank(int local_rank, int local_size, int visible);

/// A device by its own names; what is not known is empty.
struct Identity {
  std::string name;    ///< "NVIDIA H100 80GB HBM3"
  std::string uuid;    ///< "GPU-...", as nvidia-smi has it
  std::string pci_id;  ///< "0000:1b:00.0"

  bool operator==(const Identity&) const = default;
};

/// Of the device that Kokkos computes on; all empty on a host.
Identity identity();

/// The line for devices that two ranks of a node share; "" where no two do. `places` are the host
/// and UUID of each rank's, in the order of the ranks; an empty UUID is not known, and shared with
/// nobody.
struct Place {
  std::string host, uuid;
};
std::string describe_sharing(const std::vector<Place>& places);

/// Has the calling thread use the device that Kokkos computes on, which a thread of its own does
/// not by itself. Throws RunError where that fails; does nothing on a host.
void use_device();

/// Bytes of the device's memory that are in use, by anybody, and those that are not; nullopt on a
/// host, and where nothing tells.
struct Memory {
  std::size_t used = 0;
  std::size_t free = 0;
};
std::optional<Memory> memory();
/// The former alone.
std::optional<std::int64_t> bytes_in_use();

/// Memory for kernels; null where there is not enough. On CUDA by plain cudaMalloc, whatever Kokkos
/// was built to use: what cudaMallocAsync gives from its pool can be sent to another process
/// neither by MPI nor by NCCL without a copy.
[[nodiscard]] void* allocate(std::size_t bytes);
void release(void* memory) noexcept;

/// Host memory that the device copies from and to without a detour, where Kokkos or CUDA has such;
/// null where there is not enough.
[[nodiscard]] void* allocate_staging(std::size_t bytes);
void release_staging(void* memory) noexcept;
/// Copies that are complete on return. They wait for no kernel, where that can be had (on CUDA).
void copy_to_host(void* host, const void* device, std::size_t bytes);
void copy_to_device(void* device, const void* host, std::size_t bytes);

}  // namespace tidemark::accelerator
