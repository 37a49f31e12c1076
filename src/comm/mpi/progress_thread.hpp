// The thread that drives calls under way while the rank computes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/mpi/pending_calls.hpp"

namespace tidemark::comm {

/// Sleeps while nothing is under way, and asks for the lock only every so often while something is:
/// whoever computes on the same cores is left alone.
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

  /// A call has been posted; the owner holds the lock.
  void wake() { awake_.notify_one(); }

 private:
  void work() {
    std::unique_lock lock(owner_.mutex_);
    // MPI may move data of a device from here, and take for granted that it is the current one.
    try {
      if (owner_.options_.use_device != nullptr) owner_.options_.use_device();
    } catch (const Error&) {
      // MPI may do without; if not, whoever waits meets what it says
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
        return;  // the error stays: whoever waits next meets it
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
