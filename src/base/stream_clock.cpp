// SPDX-License-Identifier: BSD-3-Clause
#include "base/stream_clock.hpp"

#include <cuda_runtime_api.h>

#include <utility>

#include "base/cuda_error.hpp"

namespace tidemark {

StreamClock::StreamClock() {
  check_cuda(cudaStreamCreateWithFlags(&own_stream_, cudaStreamNonBlocking), "making a stream");
}

StreamClock::~StreamClock() {
  // These calls fail once the device has failed, and nothing can be done about that here.
  for (const Mark mark : all_) static_cast<void>(cudaEventDestroy(mark));
  static_cast<void>(cudaStreamDestroy(own_stream_));
}

StreamClock::Mark StreamClock::take() {
  if (free_.empty()) {
    Mark event = nullptr;
    check_cuda(cudaEventCreateWithFlags(&event, cudaEventDefault), "making an event");
    all_.push_back(event);
    free_.reserve(all_.size());  // so that `release` needs no memory
    return event;
  }
  const Mark event = free_.back();
  free_.pop_back();
  return event;
}

StreamClock::Mark StreamClock::mark(CudaStream stream) {
  const Mark event = take();
  check_cuda(cudaEventRecord(event, stream), "recording an event");
  return event;
}

void StreamClock::make_wait(CudaStream stream, Mark mark) const {
  check_cuda(cudaStreamWaitEvent(stream, mark, 0), "having a stream wait for an event");
}

bool StreamClock::has_passed(Mark mark) const {
  const cudaError_t code = cudaEventQuery(mark);
  if (code == cudaErrorNotReady) return false;
  check_cuda(code, "asking for an event");
  return true;
}

void StreamClock::await(Mark mark) const {
  check_cuda(cudaEventSynchronize(mark), "waiting for an event");
}

void StreamClock::anchor() {
  using Clock = std::chrono::steady_clock;
  if (anchor_ == nullptr) anchor_ = take();
  // The event happened between two readings of the host's clock. The closest pair of several tries
  // is kept. Each try records the event that is not the best so far, so that a bad last try is
  // harmless.
  constexpr int tries = 5;
  const Mark spare = take();
  Mark candidate = spare;
  Clock::duration closest = Clock::duration::max();
  for (int i = 0; i < tries; ++i) {
    const Clock::time_point before = Clock::now();
    check_cuda(cudaEventRecord(candidate, own_stream_), "recording an event");
    await(candidate);
    const Clock::time_point after = Clock::now();
    if (after - before >= closest) continue;
    closest = after - before;
    anchor_time_ = before + closest / 2;
    std::swap(candidate, anchor_);
  }
  release(candidate);
}

void StreamClock::refresh_anchor(std::chrono::duration<double> age) {
  if (anchor_ == nullptr || std::chrono::steady_clock::now() - anchor_time_ > age) anchor();
}

StreamClock::TimePoint StreamClock::time_of(Mark mark) {
  if (anchor_ == nullptr) anchor();
  float milliseconds = 0.0F;  // negative for a mark before the anchor
  check_cuda(cudaEventElapsedTime(&milliseconds, anchor_, mark), "reading the time of an event");
  return anchor_time_ + std::chrono::duration_cast<TimePoint::duration>(
                            std::chrono::duration<double, std::milli>(milliseconds));
}

}  // namespace tidemark
