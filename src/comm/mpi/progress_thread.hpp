// SPDX-License-Identifier: BSD-3-Clause
// The thread that drives pending calls while the rank computes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "comm/mpi/progress.hpp"

namespace tidemark::comm {

/// Sleeps while no call is pending. Otherwise it takes the lock only once per interval, so that it
/// hardly disturbs threads that compute on the same cores.
class MpiProgress::Thread {
 public:
  explicit Thread(MpiProgress& owner) : owner_(owner), thread_([this] { work(); }) {}
  ~Thread() {
    {
      const std::lock_guard lock(owner_.mutex_);
      stop_ = true;
    }
    awake_.notify_one();
    thread_.join();
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

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
      if (owner_.pending_.empty()) {
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
      std::this_thread::sleep_for(owner_.options_.progress_interval);
      lock.lock();
    }
  }

  MpiProgress& owner_;
  bool stop_ = false;  ///< guarded by the owner's lock, as the pending calls are
  std::condition_variable awake_;
  std::thread thread_;
};

}  // namespace tidemark::comm
