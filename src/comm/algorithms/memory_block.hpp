// SPDX-License-Identifier: BSD-3-Clause
// Owned memory of any source.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/memory_source.hpp"

namespace tidemark::comm {

namespace detail {
inline void* allocate_on_host(std::size_t bytes) { return std::calloc(1, bytes); }
inline void release_on_host(void* memory) noexcept { std::free(memory); }
}  // namespace detail

/// Memory of the host, set to zero, because sums of arbitrary old contents may be slow.
inline const MemorySource host_memory{detail::allocate_on_host, detail::release_on_host};

/// A block of memory. Movable, empty at first. Throws RunError if the source refuses the memory.
class MemoryBlock {
 public:
  MemoryBlock() = default;
  MemoryBlock(MemorySource source, std::size_t bytes) : source_(std::move(source)), bytes_(bytes) {
    if (bytes == 0) return;
    data_ = source_.allocate(bytes);
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
    if (data_ != nullptr) source_.release(data_);
  }

  [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(data_); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_; }

 private:
  void swap(MemoryBlock& other) noexcept {
    std::swap(source_, other.source_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }

  MemorySource source_;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace tidemark::comm
