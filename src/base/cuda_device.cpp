// SPDX-License-Identifier: BSD-3-Clause
#include "base/cuda_device.hpp"

#include <cuda_runtime_api.h>

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "base/cuda_error.hpp"
#include "base/error.hpp"

namespace tidemark::cuda {

namespace {

int current_device() {
  int device = 0;
  check_cuda(cudaGetDevice(&device), "asking for the device");
  return device;
}

cudaDeviceProp properties() {
  cudaDeviceProp found{};
  check_cuda(cudaGetDeviceProperties(&found, current_device()), "asking what the device is");
  return found;
}

/// Returns the pointer, or null if memory ran out, which is not an error of the device.
void* unless_out_of_memory(cudaError_t code, void* memory, std::string_view what) {
  if (code == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // otherwise the next call would report it again
    return nullptr;
  }
  check_cuda(code, what);
  return memory;
}

}  // namespace

int count_devices() {
  int count = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code != cudaSuccess) {
    throw RunError(
        fmt::format("no device to compute on: the CUDA runtime says: {}", describe_cuda(code)));
  }
  return count;
}

void use_device(int device) {
  check_cuda(cudaSetDevice(device), "choosing the device of a thread");
}

std::string device_name() {
  const cudaDeviceProp found = properties();
  return static_cast<const char*>(found.name);
}

// The UUID has the form that nvidia-smi prints and CUDA_VISIBLE_DEVICES takes.
std::string device_uuid() {
  const cudaDeviceProp found = properties();
  std::string text = "GPU";
  for (std::size_t i = 0; i < sizeof(found.uuid.bytes); ++i) {
    if (i == 0 || i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}",
                        static_cast<unsigned>(static_cast<unsigned char>(found.uuid.bytes[i])));
  }
  return text;
}

std::string device_pci_id() {
  std::array<char, 32> text{};
  check_cuda(cudaDeviceGetPCIBusId(text.data(), static_cast<int>(text.size()), current_device()),
             "asking where the device is");
  return text.data();
}

DeviceClock clock() {
  const auto attribute = [](cudaDeviceAttr which) {
    int value = 0;
    check_cuda(cudaDeviceGetAttribute(&value, which, current_device()),
               "asking what the device can do");
    return value;
  };
  return {attribute(cudaDevAttrComputeCapabilityMajor),
          attribute(cudaDevAttrComputeCapabilityMinor), attribute(cudaDevAttrMultiProcessorCount),
          attribute(cudaDevAttrClockRate) * 1e-3};  // from kHz
}

Memory memory() {
  std::size_t free = 0;
  std::size_t total = 0;
  check_cuda(cudaMemGetInfo(&free, &total), "asking for the device's memory");
  return {total - free, free};
}

void* allocate(std::size_t bytes) {
  void* memory = nullptr;
  const cudaError_t code = cudaMalloc(&memory, bytes);
  return unless_out_of_memory(code, memory, "allocating memory of the device");
}

// cudaFree fails once the device has failed, and nothing can be done about that here.
void release(void* memory) noexcept { static_cast<void>(cudaFree(memory)); }

void* allocate_pinned(std::size_t bytes) {
  void* memory = nullptr;
  const cudaError_t code = cudaMallocHost(&memory, bytes);
  return unless_out_of_memory(code, memory, "allocating pinned memory");
}

void release_pinned(void* memory) noexcept { static_cast<void>(cudaFreeHost(memory)); }

void copy(void* to, const void* from, std::size_t bytes) {
  static const cudaStream_t stream = [] {
    cudaStream_t made = nullptr;
    check_cuda(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking), "making a stream");
    return made;
  }();
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream), "copying");
  check_cuda(cudaStreamSynchronize(stream), "copying");
}

}  // namespace tidemark::cuda
