// SPDX-License-Identifier: BSD-3-Clause
#include "comm/nccl/watch.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <utility>

#include "base/cuda_error.hpp"
#include "base/error.hpp"

namespace tidemark::comm {

namespace {

int current_device() {
  int device = 0;
  check_cuda(cudaGetDevice(&device), "asking for the current device");
  return device;
}

}  // namespace

NcclWatch::NcclWatch(std::mutex& mutex, NcclLink& link, NcclPendingCalls& calls,
                     const job::Watchdog& words, std::chrono::duration<double> timeout, int rank)
    : mutex_(mutex),
      link_(link),
      pending_(calls),
      words_(words),
      timeout_(timeout),
      rank_(rank),
      device_(current_device()),
      last_look_(Clock::now()),
      last_resort_(NcclLink::grace(timeout), rank),
      thread_([this] { watch(); }) {}

NcclWatch::~NcclWatch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_changed_.notify_one();
  thread_.join();
}

void NcclWatch::watch() {
  using std::chrono::duration_cast;
  constexpr Clock::duration longest_interval = std::chrono::milliseconds(100);
  const auto interval = std::min(longest_interval, duration_cast<Clock::duration>(timeout_ / 8));
  // Each thread has its own current device. If this call fails, the following ones fail, too.
  static_cast<void>(cudaSetDevice(device_));
  std::unique_lock lock(mutex_);
  while (!stop_) {
    {
      const job::Watchdog::Call watched(last_resort_, "watching over NCCL");
      if (const std::string line = look(); !line.empty()) {
        job::write_line(line);
        // The lock is held until the end. So the next use of the communicator stops any thread that
        // would continue with the results of an aborted call.
        link_.abort();
        job::end_process();
      }
    }
    stop_changed_.wait_for(lock, interval, [this] { return stop_; });
  }
}

std::string NcclWatch::look() {
  if (link_.is_broken()) return {};  // this rank ends by its own error
  const Clock::time_point now = Clock::now();
  try {
    const NcclPendingCalls::Progress progress = pending_.progress();
    const std::string_view operation = progress.operation ? name_of(*progress.operation) : "NCCL";
    if (const std::string trouble = link_.asynchronous_trouble(); !trouble.empty()) {
      return link_.failure_line(operation, trouble);
    }
    // While the process was stopped, it could not observe the device. That time must not count.
    constexpr Clock::duration longest_gap = std::chrono::seconds(1);
    stuck_ += std::min(now - std::exchange(last_look_, now), longest_gap);
    if (std::exchange(steps_, progress.steps) != progress.steps || !progress.operation) {
      stuck_ = Clock::duration::zero();
    }
    if (stuck_ <= timeout_) return {};
    return job::overdue_line(operation, words_.context(), rank_, stuck_, timeout_,
                             progress.is_reached ? "" : "the compute stream has not got to it");
  } catch (const Error& error) {
    return link_.failure_line("NCCL", error.what());
  }
}

}  // namespace tidemark::comm
