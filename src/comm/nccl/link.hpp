// SPDX-License-Identifier: BSD-3-Clause
// One rank's end of an NCCL communicator: creation, queries, abort.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include "comm/communicator.hpp"
#include "job/watchdog.hpp"

struct ncclComm;

namespace tidemark::comm {

/// A non-blocking NCCL communicator: NCCL continues a call by itself, and this class polls for its
/// end. So every call has a deadline, and a call that misses it ends in RunError. The watchdog
/// handles calls that do not return at all. Before an error is thrown, the communicator is aborted,
/// which ends its work on the device. After that it can only be destroyed.
class NcclLink {
 public:
  /// Collective over the ranks of `control`, which broadcasts NCCL's unique id. Uses the current
  /// device. `watchdog` watches the host's calls and knows the context.
  NcclLink(Communicator& control, std::chrono::duration<double> timeout, job::Watchdog& watchdog);
  /// Finalises collectively. Aborts instead if an error unwinds this rank or has occurred before.
  ~NcclLink();
  NcclLink(const NcclLink&) = delete;
  NcclLink& operator=(const NcclLink&) = delete;

  /// Extra time after `timeout` for a call that has not returned. Then the watchdog ends the
  /// process.
  static std::chrono::duration<double> grace(std::chrono::duration<double> timeout) {
    return std::min(timeout, std::chrono::duration<double>(10.0));
  }

  /// For calls of NCCL functions. Null if is_broken().
  [[nodiscard]] ncclComm* get() const noexcept { return comm_; }
  /// Whether the communicator was aborted. Then no call is possible.
  [[nodiscard]] bool is_broken() const noexcept { return comm_ == nullptr; }

  /// `launch` calls NCCL and returns its code, an ncclResult_t. Returns when the work is on its
  /// stream. `operation` must be a string literal.
  template <class Launch>
  void launch(const char* operation, const Launch& launch) {
    std::string trouble;
    {
      const job::Watchdog::Call watched(watchdog_, operation);
      trouble = wait_for(launch());
    }
    if (!trouble.empty()) fail(operation, trouble);
  }

  /// An error that occurred later on the device or the network; empty if there is none. Never
  /// blocks.
  [[nodiscard]] std::string asynchronous_trouble() const;

  /// Aborts the communicator and throws RunError with the line of a failed operation.
  [[noreturn]] void fail(std::string_view operation, std::string_view reason);
  /// The error line: operation, context, rank, reason.
  [[nodiscard]] std::string failure_line(std::string_view operation, std::string_view reason) const;
  /// NCCL's text for a code, an ncclResult_t.
  [[nodiscard]] std::string describe(int code) const;
  void abort() noexcept;

 private:
  /// Waits until NCCL has finished the call that returned `code`. Returns the error, or an empty
  /// string.
  [[nodiscard]] std::string wait_for(int code) const;

  job::Watchdog& watchdog_;
  std::chrono::duration<double> timeout_;
  int rank_;
  ncclComm* comm_ = nullptr;
};

}  // namespace tidemark::comm
