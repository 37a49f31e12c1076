// SPDX-License-Identifier: BSD-3-Clause
#include "base/accelerator.hpp"

#include <exception>

#include <fmt/format.h>

#include "base/cuda_device.hpp"
#include "base/device.hpp"
#include "base/error.hpp"

namespace tidemark::accelerator {

std::optional<int> count_visible() {
  if constexpr (runs_on_host) {
    return std::nullopt;
  } else if constexpr (runs_on_cuda) {
    return cuda::count_devices();
  } else {
#if KOKKOS_VERSION >= 40300
    if (const int devices = Kokkos::num_devices(); devices > 0) return devices;
    throw RunError(fmt::format("no device to compute on: {} finds none", ExecutionSpace::name()));
#else
    return std::nullopt;
#endif
  }
}

int device_of_rank(int local_rank, int local_size, int visible) {
  if (visible == 1) return 0;
  if (visible < local_size) {
    throw RunError(fmt::format(
        "{} ranks on this node, but {} devices: start one rank a device, or show each rank its own",
        local_size, visible));
  }
  return local_rank;
}

Identity identity() {
  if constexpr (runs_on_cuda) {
    return {cuda::device_name(), cuda::device_uuid(), cuda::device_pci_id()};
  } else if constexpr (runs_on_host) {
    return {};
  } else {
    return {ExecutionSpace::name(), "", ""};
  }
}

std::optional<DeviceClock> clock() {
  if constexpr (runs_on_cuda) {
    return cuda::clock();
  } else {
    return std::nullopt;
  }
}

std::string describe_sharing(const std::vector<Place>& places) {
  for (std::size_t rank = 0; rank < places.size(); ++rank) {
    for (std::size_t other = 0; other < rank; ++other) {
      const Place& place = places[rank];
      if (!place.uuid.empty() && place.uuid == places[other].uuid &&
          place.host == places[other].host) {
        return fmt::format(
            "ranks {} and {} compute on the same device, {} of {}: show each rank "
            "its own, or start fewer",
            other, rank, place.uuid, place.host);
      }
    }
  }
  return "";
}

void use_device() {
#if defined(KOKKOS_ENABLE_HIP)
  if (hipSetDevice(Kokkos::device_id()) != hipSuccess) {
    throw RunError("a thread cannot use the device");
  }
#elif KOKKOS_VERSION >= 40000
  if constexpr (runs_on_cuda) cuda::use_device(Kokkos::device_id());
#endif
}

std::optional<Memory> memory() {
  if constexpr (runs_on_cuda) {
    const cuda::Memory found = cuda::memory();
    return Memory{found.used, found.free};
  } else {
    return std::nullopt;
  }
}

std::optional<std::int64_t> bytes_in_use() {
  const std::optional<Memory> found = memory();
  return found ? std::optional(static_cast<std::int64_t>(found->used)) : std::nullopt;
}

void* allocate(std::size_t bytes) {
  if constexpr (runs_on_cuda) {
    return cuda::allocate(bytes);
  } else {
    try {
      return Kokkos::kokkos_malloc<MemorySpace>("tidemark activations", bytes);
    } catch (const std::exception&) {
      return nullptr;
    }
  }
}

void release(void* memory) noexcept {
  if constexpr (runs_on_cuda) {
    cuda::release(memory);
  } else {
    Kokkos::kokkos_free<MemorySpace>(memory);
  }
}

void* allocate_staging(std::size_t bytes) {
  if constexpr (runs_on_cuda) {
    return cuda::allocate_pinned(bytes);
  } else {
    try {
      return Kokkos::kokkos_malloc<Kokkos::HostSpace>("tidemark staging", bytes);
    } catch (const std::exception&) {
      return nullptr;
    }
  }
}

void release_staging(void* memory) noexcept {
  if constexpr (runs_on_cuda) {
    cuda::release_pinned(memory);
  } else {
    Kokkos::kokkos_free<Kokkos::HostSpace>(memory);
  }
}

namespace {

template <class Byte, class Space>
auto bytes_at(Byte* data, std::size_t bytes) {
  return Kokkos::View<Byte*, Space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(data, bytes);
}

}  // namespace

void copy_to_host(void* host, const void* device, std::size_t bytes) {
  if constexpr (runs_on_cuda) {
    cuda::copy(host, device, bytes);
  } else {
    Kokkos::deep_copy(
        bytes_at<std::byte, Kokkos::HostSpace>(static_cast<std::byte*>(host), bytes),
        bytes_at<const std::byte, MemorySpace>(static_cast<const std::byte*>(device), bytes));
  }
}

void copy_to_device(void* device, const void* host, std::size_t bytes) {
  if constexpr (runs_on_cuda) {
    cuda::copy(device, host, bytes);
  } else {
    Kokkos::deep_copy(
        bytes_at<std::byte, MemorySpace>(static_cast<std::byte*>(device), bytes),
        bytes_at<const std::byte, Kokkos::HostSpace>(static_cast<const std::byte*>(host), bytes));
  }
}

}  // namespace tidemark::accelerator
