// SPDX-License-Identifier: BSD-3-Clause
// Memory on the host that the host may not touch, like that of a device.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "comm/device_buffers.hpp"

namespace tidemark::support {

/// A range of addresses without memory. The system ends a process that reads or writes there. The
/// contents are in a shadow that only the copies know. There is one object at a time.
class FakeDeviceMemory {
 public:
  FakeDeviceMemory() {
    range_ = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    shadow_.assign(bytes, std::byte{0xff});
    current() = this;
  }
  ~FakeDeviceMemory() {
    ::munmap(range_, bytes);
    current() = nullptr;
  }
  FakeDeviceMemory(const FakeDeviceMemory&) = delete;
  FakeDeviceMemory& operator=(const FakeDeviceMemory&) = delete;

  /// A pointer to `count` elements with these values.
  template <class T>
  T* put(const std::vector<T>& values) {
    T* const device = reserve<T>(values.size());
    if (!values.empty()) to_device(device, values.data(), values.size() * sizeof(T));
    return device;
  }
  template <class T>
  T* reserve(std::size_t count) {
    T* const device = reinterpret_cast<T*>(static_cast<std::byte*>(range_) + used_);
    used_ += (count * sizeof(T) + 255) / 256 * 256;
    return device;
  }
  template <class T>
  std::vector<T> get(const T* device, std::size_t count) const {
    std::vector<T> values(count);
    if (count > 0) to_host(values.data(), device, count * sizeof(T));
    return values;
  }

  /// Plain host memory replaces pinned memory.
  static comm::StagingFunctions staging() {
    return {{[](std::size_t size) -> void* {
               ++allocations();
               return ::operator new(size);
             },
             [](void* memory) noexcept { ::operator delete(memory); }},
            to_host,
            to_device};
  }
  /// The number of blocks that were requested since the program began.
  static int& allocations() {
    static int count = 0;
    return count;
  }

 private:
  static FakeDeviceMemory*& current() {
    static FakeDeviceMemory* instance = nullptr;
    return instance;
  }
  static std::byte* behind(const void* device) {
    const auto offset =
        static_cast<const std::byte*>(device) - static_cast<const std::byte*>(current()->range_);
    return current()->shadow_.data() + offset;
  }
  static void to_host(void* host, const void* device, std::size_t size) {
    std::memcpy(host, behind(device), size);
  }
  static void to_device(void* device, const void* host, std::size_t size) {
    std::memcpy(behind(device), host, size);
  }

  static constexpr std::size_t bytes = std::size_t{1} << 20;
  void* range_ = nullptr;
  std::vector<std::byte> shadow_;
  std::size_t used_ = 0;
};

}  // namespace tidemark::support
