// Memory of whatever kind, owned.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "base/error.hpp"
#include "comm/device_buffers.hpp"

namespace tidemark::comm {

namespace detail {
inline void* allocate_on_host(std::size_t bytes) { return std::calloc(1, bytes); }
inline void release_on_host(void* memory) noexcept { std::free(memory); }
}  // namespace detail

/// The host's, zeroed: sums of what happened to lie there might be slow.
inline constexpr MemoryFunctions host_memory{detail::allocate_on_host, detail::release_on_host};

/// A block of it. Movable; empty at first. Throws RunError where there is not enough.
class MemoryBlock {
 public:
  MemoryBlock() = default;
  MemoryBlock(MemoryFunctions functions, std::size_t bytes) : functions_(functions), bytes_(bytes) {
    if (bytes == 0) return;
    data_ = functions.allocate(bytes);
    if (data_ == nullptr) {
      throw RunError(fmt::format("out of memory: {} bytes for communication were refused", bytes));
    }
  }
  MemoryBlock(MemoryBlock&& other) noexcept { swap(other); }
  MemoryBlock& operator=(MemoryBlock&& other) noexcept {
    MemoryBlock(std::move(other)).swap(*this);
    return *this;
  }
  ~MemoryBlock() {
    if (data_ != nullptr) functions_.release(data_);
  }

  [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(data_); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_; }

 private:
  void swap(MemoryBlock& other) noexcept {
    std::swap(functions_, other.functions_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }

  MemoryFunctions functions_;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace tidemark::comm
