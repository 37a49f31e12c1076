// SPDX-License-Identifier: BSD-3-Clause
// The double of NCCL's memory and its registration. It refuses calls that would leave the library
// with freed memory.
#include "doubles/registry.hpp"

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <iterator>
#include <map>
#include <mutex>

#include "doubles/device.hpp"
#include "doubles/faults.hpp"
#include "doubles/quiet.hpp"

namespace tidemark::doubles {

namespace {

struct Registration {
  const ncclComm* comm;
  const std::byte* begin;
  std::size_t bytes;
};

struct Registry {
  std::mutex mutex;
  std::map<void*, Registration> by_handle;
  std::map<void*, std::size_t> allocated;
  std::size_t made = 0;  ///< registrations so far, which give the handles
};
Registry& registry() {
  static auto* const instance = new Registry;  // never destroyed: threads may outlive `main`
  return *instance;
}

bool is_registered(const void* address) {
  for (const auto& [handle, registration] : registry().by_handle) {
    if (registration.begin == address) return true;
  }
  return false;
}

}  // namespace

std::ptrdiff_t registered_offset(const ncclComm* comm, const void* address, std::size_t bytes) {
  const Quiet quiet;
  const std::lock_guard lock(registry().mutex);
  const auto* const first = static_cast<const std::byte*>(address);
  for (const auto& [handle, registration] : registry().by_handle) {
    const std::byte* const end = registration.begin + registration.bytes;
    if (registration.comm == comm && first >= registration.begin && first + bytes <= end) {
      return first - registration.begin;
    }
  }
  return -1;
}

bool has_registered(const ncclComm* comm) {
  const Quiet quiet;
  const std::lock_guard lock(registry().mutex);
  for (const auto& [handle, registration] : registry().by_handle) {
    if (registration.comm == comm) return true;
  }
  return false;
}

void forget_registered(const ncclComm* comm) {
  const Quiet quiet;
  const std::lock_guard lock(registry().mutex);
  std::erase_if(registry().by_handle,
                [comm](const auto& entry) { return entry.second.comm == comm; });
}

}  // namespace tidemark::doubles

using tidemark::doubles::fails;
using tidemark::doubles::Kind;
using tidemark::doubles::Quiet;
using tidemark::doubles::registry;

ncclResult_t ncclMemAlloc(void** address, std::size_t bytes) {
  // NCCL returns this error for every reason of CUDA.
  if (fails("ncclMemAlloc")) return ncclUnhandledCudaError;
  if (cudaMalloc(address, bytes) != cudaSuccess) return ncclUnhandledCudaError;
  const Quiet quiet;
  const std::lock_guard lock(registry().mutex);
  registry().allocated[*address] = bytes;
  return ncclSuccess;
}

ncclResult_t ncclMemFree(void* address) {
  if (fails("ncclMemFree")) return ncclUnhandledCudaError;
  {
    const Quiet quiet;
    const std::lock_guard lock(registry().mutex);
    if (tidemark::doubles::is_registered(address)) return ncclInvalidUsage;
    if (registry().allocated.erase(address) != 1) return ncclInvalidArgument;
  }
  return cudaFree(address) == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}

/// Every second one is still pending when it returns. NCCL's are not, but non-blocking calls may
/// be.
ncclResult_t ncclCommRegister(const ncclComm_t comm, void* address, std::size_t bytes,
                              void** handle) {
  if (fails("ncclCommRegister")) return ncclSystemError;
  if (tidemark::doubles::strikes(Kind::skip, "ncclCommRegister")) {  // NCCL_LOCAL_REGISTER=0
    *handle = nullptr;
    return ncclSuccess;
  }
  if (!tidemark::doubles::is_on_device(address, bytes)) return ncclInvalidArgument;
  const Quiet quiet;
  const std::lock_guard lock(registry().mutex);
  const std::size_t number = ++registry().made;
  *handle = reinterpret_cast<void*>(number);
  registry().by_handle[*handle] = {comm, static_cast<std::byte*>(address), bytes};
  return number % 2 == 1 ? ncclInProgress : ncclSuccess;
}

ncclResult_t ncclCommDeregister(const ncclComm_t comm, void* handle) {
  if (fails("ncclCommDeregister")) return ncclSystemError;
  if (tidemark::doubles::strikes(Kind::skip, "ncclCommDeregister")) return ncclSuccess;
  const Quiet quiet;
  const std::lock_guard lock(registry().mutex);
  const auto found = registry().by_handle.find(handle);
  if (found == registry().by_handle.end() || found->second.comm != comm) return ncclInvalidUsage;
  registry().by_handle.erase(found);
  return ncclSuccess;
}
