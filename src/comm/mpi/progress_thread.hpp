// SPDX-License-Identifier: BSD-3-Clause
// The thread that drives pending calls while the rank computes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/mpi/pending_calls.hpp"

namespace tidemark::comm {

/// Sleeps while no call is pending. Otherwise it takes the lock only once per interval, so that it
/// hardly disturbs threads that compute on the same cores.
class MpiCommunicator::ProgressThread {
 public:
  ProgressThread(MpiCommunicator& owner, std::chrono::microseconds interval)
      : owner_(owner), interval_(interval), thread_([this] { work(); }) {}
  ~ProgressThread() {
    {
      const std::lock_guard lock(owner_.mutex_);
      stop_ = true;
    }
    awake_.notify_one();
    thread_.join();
  }
  ProgressThread(const ProgressThread&) = delete;
  ProgressThread& operator=(const ProgressThread&) = delete;

  /// Call this after posting a call, while the owner holds the lock.
  void wake() { awake_.notify_one(); }

 private:
  void work() {
    std::unique_lock lock(owner_.mutex_);
    // MPI may move device data from this thread, and then assumes that the device is the current
    // one.
    try {
      if (owner_.options_.use_device != nullptr) owner_.options_.use_device();
    } catch (const Error&) {
      // MPI may work without it. If it does not, the next wait gets MPI's error.
    }
    while (!stop_) {
      if (owner_.pending_->empty()) {
        awake_.wait(lock);
        continue;
      }
      const Clock::time_point begin = Clock::now();
      try {
        owner_.drive(0, begin);
      } catch (const Error&) {
        return;  // the error is kept, and the next wait throws it
      }
      owner_.account_.add_polling(Clock::now() - begin);
      lock.unlock();
      std::this_thread::sleep_for(interval_);
      lock.lock();
    }
  }

  MpiCommunicator& owner_;
  std::chrono::microseconds interval_;
  bool stop_ = false;  ///< guarded by the owner's lock, as the pending calls are
  std::condition_variable awake_;
  std::thread thread_;
};

}  // namespace tidemark::comm
