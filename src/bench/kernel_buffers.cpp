// SPDX-License-Identifier: BSD-3-Clause
#include "bench/kernel_buffers.hpp"

#include <array>
#include <cstddef>
#include <cstring>

#include "base/accelerator.hpp"
#include "bench/host_sums.hpp"
#include "kernels/check.hpp"
#include "kernels/sum_of_terms.hpp"
#include "memory/pool.hpp"

namespace tidemark::bench {

namespace {

comm::DeviceKind kind() {
  return runs_on_cuda  ? comm::DeviceKind::cuda
         : runs_on_hip ? comm::DeviceKind::hip
                       : comm::DeviceKind::other;
}

}  // namespace

std::optional<comm::DeviceBuffers> buffers_of(const Device& device) {
  if (runs_on_host || !device.launches()) return std::nullopt;
  comm::DeviceBuffers buffers;
  buffers.kind = kind();
  buffers.memory = memory::Pool::device_memory();
  buffers.sum = kernels::sum_of_terms;
  buffers.use_device = accelerator::use_device;
  buffers.staging = {{accelerator::allocate_staging, accelerator::release_staging},
                     accelerator::copy_to_host,
                     accelerator::copy_to_device};
  buffers.copy_in_order = [exec = *device.exec](void* to, const void* from, std::size_t bytes) {
    tidemark::copy_in_order(exec, to, from, bytes);
  };
  return buffers;
}

comm::BufferFunctions buffer_functions_on(const Device& device) {
  comm::BufferFunctions functions;
  functions.digest = [&device](DType dtype, const void* buffer, std::size_t count) {
    return with_scalar_of(dtype, [&](auto scalar) {
      using T = decltype(scalar);
      // The digest only reads it.
      return kernels::digest(device, Vector<T>(static_cast<T*>(const_cast<void*>(buffer)), count));
    });
  };
  functions.fill_with_nan = [&device](void* buffer, std::size_t bytes) {
    kernels::fill_with_nan(device, buffer, bytes);
  };
  functions.to_host = [&device](void* host, const void* buffer, std::size_t bytes) {
    device.fence();
    if (runs_on_host) {
      std::memcpy(host, buffer, bytes);
    } else {
      accelerator::copy_to_host(host, buffer, bytes);
    }
  };
  return functions;
}

comm::CommunicatorOptions options_on(const Device& device) {
  comm::CommunicatorOptions options;
  options.device = buffers_of(device);
  options.host_sum = sum_by_threads;
  if (const CudaStream stream = stream_of(*device.exec)) options.compute_stream = stream;
  return options;
}

MemorySource segments_of(const config::Case& c, comm::Communicator& communicator) {
  if (c.comm.register_buffers) {
    if (std::optional<MemorySource> registered = communicator.buffer_memory()) return *registered;
  }
  return memory::Pool::device_memory();
}

std::optional<std::int64_t> registered_bytes(const config::Case& c,
                                             comm::Communicator& communicator) {
  if (!c.comm.register_buffers || !communicator.buffer_memory()) return std::nullopt;
  std::array<double, 1> fewest{static_cast<double>(communicator.registered_bytes())};
  communicator.min_over_ranks(fewest);
  return static_cast<std::int64_t>(fewest[0]);
}

}  // namespace tidemark::bench
