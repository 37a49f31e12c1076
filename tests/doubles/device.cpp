// SPDX-License-Identifier: BSD-3-Clause
// The double of the CUDA runtime: only the calls that Tidemark and its tests make.
//
// A stream is a thread, an event is a moment in its work, and device memory is the host's own. So
// the thread sanitizer sees every access that does not wait. There is one device, and each process
// has its own.
#include "doubles/device.hpp"

#include <cuda_runtime_api.h>

#include <cstdlib>
#include <functional>
#include <map>

#include "doubles/faults.hpp"
#include "doubles/quiet.hpp"

namespace tidemark::doubles {
namespace {

/// Guards all moments, and announces their changes.
struct Moments {
  std::mutex mutex;
  std::condition_variable changed;
};
Moments& moments() {
  static auto* const instance = new Moments;  // never destroyed: threads may outlive `main`
  return *instance;
}

struct Memory {
  std::mutex mutex;
  std::map<const std::byte*, std::size_t, std::less<>> blocks;
};
Memory& memory() {
  static auto* const instance = new Memory;
  return *instance;
}

constexpr cudaError_t planted_error = cudaErrorLaunchFailure;

}  // namespace

void Moment::pass() {
  before(this);
  const Quiet quiet;
  const std::lock_guard lock(moments().mutex);
  passed_ = true;
  time_ = std::chrono::steady_clock::now();
  moments().changed.notify_all();
}

void Moment::await() {
  {
    const Quiet quiet;
    std::unique_lock lock(moments().mutex);
    moments().changed.wait(lock, [this] { return passed_; });
  }
  behind(this);
}

bool Moment::has_passed() {
  bool passed = false;
  {
    const Quiet quiet;
    const std::lock_guard lock(moments().mutex);
    passed = passed_;
  }
  if (passed) behind(this);
  return passed;
}

std::chrono::steady_clock::time_point Moment::time() const {
  const Quiet quiet;
  const std::lock_guard lock(moments().mutex);
  return time_;
}

bool is_on_device(const void* address, std::size_t bytes) {
  const Quiet quiet;
  const std::lock_guard lock(memory().mutex);
  const auto* const first = static_cast<const std::byte*>(address);
  auto found = memory().blocks.upper_bound(first);
  if (found == memory().blocks.begin()) return false;
  --found;
  return first + bytes <= found->first + found->second;
}

}  // namespace tidemark::doubles

using tidemark::doubles::Kind;
using tidemark::doubles::Moment;
using tidemark::doubles::Quiet;

CUstream_st::~CUstream_st() {
  {
    const Quiet quiet;
    const std::lock_guard lock(mutex_);
    ends_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

void CUstream_st::push(Work work) {
  auto* const pushed = new Work(std::move(work));
  tidemark::doubles::before(pushed);
  const Quiet quiet;
  const std::lock_guard lock(mutex_);
  queue_.push_back(pushed);
  changed_.notify_one();
}

void CUstream_st::run() {
  for (;;) {
    Work* work = nullptr;
    {
      const Quiet quiet;
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ends_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = queue_.front();
      queue_.pop_front();
    }
    tidemark::doubles::behind(work);
    (*work)();
    const Quiet quiet;  // counts of shared owners are not an order, either
    delete work;
  }
}

// The functions below replace those of the library. The header gives their names and types.

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : "an error of the double";
}
const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaSuccess                 ? "cudaSuccess"
         : error == cudaErrorNotReady         ? "cudaErrorNotReady"
         : error == cudaErrorLaunchFailure    ? "cudaErrorLaunchFailure"
         : error == cudaErrorInvalidValue     ? "cudaErrorInvalidValue"
         : error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation"
                                              : "another cudaError";
}

cudaError_t cudaMalloc(void** address, std::size_t bytes) {
  *address = std::malloc(bytes);
  if (*address == nullptr) return cudaErrorMemoryAllocation;
  const Quiet quiet;
  const std::lock_guard lock(tidemark::doubles::memory().mutex);
  tidemark::doubles::memory().blocks[static_cast<std::byte*>(*address)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFree(void* address) {
  {
    const Quiet quiet;
    const std::lock_guard lock(tidemark::doubles::memory().mutex);
    if (tidemark::doubles::memory().blocks.erase(static_cast<std::byte*>(address)) != 1) {
      return cudaErrorInvalidValue;
    }
  }
  std::free(address);  // the sanitizer treats this as a write to all of it
  return cudaSuccess;
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* lowest, int* highest) {
  *lowest = 0;
  *highest = -5;
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned int flags, int priority) {
  if (tidemark::doubles::fails("cudaStreamCreateWithPriority")) {
    return tidemark::doubles::planted_error;
  }
  if (flags != cudaStreamNonBlocking) return cudaErrorInvalidValue;
  *stream = new CUstream_st(priority < 0);
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int flags) {
  return cudaStreamCreateWithPriority(stream, flags, 0);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (tidemark::doubles::fails("cudaStreamSynchronize")) return tidemark::doubles::planted_error;
  if (tidemark::doubles::strikes(Kind::skip, "cudaStreamSynchronize")) return cudaSuccess;
  CUevent_st all_done;
  if (const cudaError_t code = cudaEventRecord(&all_done, stream)) return code;
  return cudaEventSynchronize(&all_done);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  if (tidemark::doubles::fails("cudaStreamWaitEvent")) return tidemark::doubles::planted_error;
  const char* const side = stream->is_urgent() ? "cudaStreamWaitEvent of the urgent stream"
                                               : "cudaStreamWaitEvent of the other stream";
  if (tidemark::doubles::strikes(Kind::skip, side)) return cudaSuccess;
  // The stream waits for the present moment of the event. A later record does not change this.
  if (event->moment) stream->push([moment = event->moment] { moment->await(); });
  return cudaSuccess;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  stream->push([=] { function(data); });
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int) {
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const Quiet quiet;
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (tidemark::doubles::fails("cudaEventRecord")) return tidemark::doubles::planted_error;
  if (stream == nullptr) return cudaErrorInvalidValue;  // the double has no default stream
  std::shared_ptr<Moment> moment;
  {
    const Quiet quiet;
    moment = std::make_shared<Moment>();
    event->moment = moment;
  }
  stream->push([moment] { moment->pass(); });
  const Quiet quiet;
  moment.reset();
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (tidemark::doubles::fails("cudaEventQuery")) return tidemark::doubles::planted_error;
  return !event->moment || event->moment->has_passed() ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->moment) event->moment->await();
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  if (!start->moment || !end->moment) return cudaErrorInvalidValue;
  if (!start->moment->has_passed() || !end->moment->has_passed()) return cudaErrorNotReady;
  const std::chrono::duration<float, std::milli> elapsed =
      end->moment->time() - start->moment->time();
  *milliseconds = elapsed.count();
  return cudaSuccess;
}
