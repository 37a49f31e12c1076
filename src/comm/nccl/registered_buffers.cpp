// SPDX-License-Identifier: BSD-3-Clause
#include "comm/nccl/registered_buffers.hpp"

#include <nccl.h>

#include <fmt/format.h>

#include "base/error.hpp"
#include "comm/nccl/nccl_communicator.hpp"

namespace tidemark::comm {

// NCCL 2.19.1 added ncclMemAlloc and user buffer registration.
#if NCCL_VERSION_CODE >= NCCL_VERSION(2, 19, 1)

bool nccl_registers_buffers() noexcept { return true; }

#else

bool nccl_registers_buffers() noexcept { return false; }

namespace {

// An older NCCL lacks these functions. The stand-ins are never called.
ncclResult_t ncclMemAlloc(void**, std::size_t) { return ncclInvalidUsage; }
ncclResult_t ncclMemFree(void*) { return ncclInvalidUsage; }
ncclResult_t ncclCommRegister(ncclComm*, void*, std::size_t, void**) { return ncclInvalidUsage; }
ncclResult_t ncclCommDeregister(ncclComm*, void*) { return ncclInvalidUsage; }

}  // namespace

#endif

void* NcclBuffers::allocate(std::size_t bytes) {
  void* memory = nullptr;
  ncclResult_t code = ncclSuccess;
  {
    const job::Watchdog::Call watched(watchdog_, "ncclMemAlloc");
    code = ncclMemAlloc(&memory, bytes);
  }
  if (code != ncclSuccess) {
    // NCCL returns the same code for all errors of CUDA, out of memory included.
    const bool is_cudas = code == ncclUnhandledCudaError;
    link_.fail(is_cudas ? "out of memory: ncclMemAlloc" : "ncclMemAlloc",
               fmt::format("{} bytes were refused: {}", bytes, link_.describe(code)));
  }
  void* handle = nullptr;
  link_.launch("ncclCommRegister",
               [&] { return ncclCommRegister(link_.get(), memory, bytes, &handle); });
  segments_.emplace(memory, Segment{bytes, handle});
  return memory;
}

void NcclBuffers::release(void* memory) {
  const auto found = segments_.find(memory);
  TIDEMARK_REQUIRE(found != segments_.end(), "this memory is not of NCCL's");
  if (void* const handle = found->second.handle; handle != nullptr) {
    link_.launch("ncclCommDeregister", [&] { return ncclCommDeregister(link_.get(), handle); });
  }
  ncclResult_t code = ncclSuccess;
  {
    const job::Watchdog::Call watched(watchdog_, "ncclMemFree");
    code = ncclMemFree(memory);
  }
  if (code != ncclSuccess) link_.fail("ncclMemFree", link_.describe(code));
  segments_.erase(found);
}

std::int64_t NcclBuffers::registered_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [memory, segment] : segments_) {
    if (segment.handle != nullptr) bytes += static_cast<std::int64_t>(segment.bytes);
  }
  return bytes;
}

std::size_t NcclBuffers::held_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [memory, segment] : segments_) bytes += segment.bytes;
  return bytes;
}

}  // namespace tidemark::comm
