// Watches over the calls that NCCL has on the device: an error instead of a hang.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "comm/nccl/link.hpp"
#include "comm/nccl/pending_calls.hpp"
#include "job/watchdog.hpp"

namespace tidemark::comm {

/// A thread that looks, several times a second, how far the device has got and what NCCL reports.
///
/// Where NCCL reports an error, or the device gets on with no call for `timeout`, it writes one
/// line to stderr, aborts the communicator, which ends this rank's kernels, and ends the process
/// with status 3; the launcher then ends the others, whose own threads see the same. Should the
/// looking or the aborting hang itself, as it may where a device has died, a Watchdog ends the
/// process. A time in which the whole process was stopped does not count.
class NcclWatch {
 public:
  /// `mutex` guards the link and the pending calls; `words` knows the context. All outlive the
  /// thread.
  NcclWatch(std::mutex& mutex, NcclLink& link, NcclPendingCalls& calls, const job::Watchdog& words,
            std::chrono::duration<double> timeout, int rank);
  /// Stops the thread, and returns once it has ended.
  ~NcclWatch();
  NcclWatch(const NcclWatch&) = delete;
  NcclWatch& operator=(const NcclWatch&) = delete;

 private:
  void watch();
  /// The line to end with; empty: all is well.
  [[nodiscard]] std::string look();

  std::mutex& mutex_;
  NcclLink& link_;
  NcclPendingCalls& pending_;
  const job::Watchdog& words_;
  std::chrono::duration<double> timeout_;
  int rank_;
  int device_ = 0;
  std::uint64_t steps_ = 0;  ///< of the device at the last look
  Clock::time_point last_look_{};
  Clock::duration stuck_{};  ///< for how long it has been seen not to get on
  std::condition_variable stop_changed_;
  bool stop_ = false;  ///< guarded by the mutex
  job::Watchdog last_resort_;
  std::thread thread_;  ///< last, so that all it uses exists before it starts
};

}  // namespace tidemark::comm
