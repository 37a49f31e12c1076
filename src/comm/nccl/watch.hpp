// SPDX-License-Identifier: BSD-3-Clause
// Watches the calls that NCCL has on the device, so that a rank ends with an error and not a hang.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "comm/nccl/link.hpp"
#include "comm/nccl/pending_calls.hpp"
#include "job/watchdog.hpp"

namespace tidemark::comm {

/// A thread that checks several times per second the progress of the device and the errors of NCCL.
///
/// It acts if NCCL reports an error, or if the device makes no progress for `timeout`. It writes
/// one line to stderr and aborts the communicator, which ends this rank's kernels. Then it ends the
/// process with status 3. The launcher ends the other ranks, whose threads see the same error. On a
/// failed device the check or the abort may hang. Then a Watchdog ends the process. Time in which
/// the whole process was stopped does not count.
class NcclWatch {
 public:
  /// `mutex` guards the link and the pending calls. `words` knows the context. All arguments must
  /// outlive the thread.
  NcclWatch(std::mutex& mutex, NcclLink& link, NcclPendingCalls& calls, const job::Watchdog& words,
            std::chrono::duration<double> timeout, int rank);
  /// Stops the thread and waits until it has ended.
  ~NcclWatch();
  NcclWatch(const NcclWatch&) = delete;
  NcclWatch& operator=(const NcclWatch&) = delete;

 private:
  void watch();
  /// Returns the error line with which the process must end; empty if there is no error.
  [[nodiscard]] std::string look();

  std::mutex& mutex_;
  NcclLink& link_;
  NcclPendingCalls& pending_;
  const job::Watchdog& words_;
  std::chrono::duration<double> timeout_;
  int rank_;
  int device_ = 0;
  std::uint64_t steps_ = 0;  ///< progress of the device at the last look
  Clock::time_point last_look_{};
  Clock::duration stuck_{};  ///< for how long the device has made no progress
  std::condition_variable stop_changed_;
  bool stop_ = false;  ///< guarded by the mutex
  job::Watchdog last_resort_;
  std::thread thread_;  ///< last, so that all other members exist before it starts
};

}  // namespace tidemark::comm
