// SPDX-License-Identifier: BSD-3-Clause
// The computation of a rank on the double of a device.
#pragma once

#include <cuda_runtime_api.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "base/memory_source.hpp"

namespace tidemark::doubles {

inline void require_success(cudaError_t code) {
  if (code != cudaSuccess) throw std::runtime_error(cudaGetErrorName(code));
}

/// A stream and its kernels, which are functions that its thread calls.
class Compute {
 public:
  Compute() { require_success(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  ~Compute() { static_cast<void>(cudaStreamDestroy(stream_)); }
  Compute(const Compute&) = delete;
  Compute& operator=(const Compute&) = delete;

  void launch(std::function<void()> kernel) const {
    const auto call = [](void* owned) {
      const std::unique_ptr<std::function<void()>> body(static_cast<std::function<void()>*>(owned));
      (*body)();
    };
    require_success(
        cudaLaunchHostFunc(stream_, call, new std::function<void()>(std::move(kernel))));
  }
  /// Keeps the stream busy.
  void sleep(std::chrono::milliseconds time) const {
    launch([time] { std::this_thread::sleep_for(time); });
  }
  [[nodiscard]] cudaStream_t stream() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

inline void* allocate_plainly(std::size_t bytes) {
  void* memory = nullptr;
  require_success(cudaMalloc(&memory, bytes));
  return memory;
}
inline void free_plainly(void* memory) { static_cast<void>(cudaFree(memory)); }

/// Elements in the memory of the device.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::size_t count, MemorySource memory = {allocate_plainly, free_plainly})
      : memory_(std::move(memory)),
        count_(count),
        data_(static_cast<T*>(memory_.allocate((count > 0 ? count : 1) * sizeof(T)))) {}
  ~Buffer() { memory_.release(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return count_; }
  T& operator[](std::size_t i) const { return data_[i]; }

 private:
  MemorySource memory_;
  std::size_t count_;
  T* data_;
};

}  // namespace tidemark::doubles
