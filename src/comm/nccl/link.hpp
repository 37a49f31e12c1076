// One rank's end of an NCCL communicator: made, asked, given up.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include "comm/communicator.hpp"
#include "job/watchdog.hpp"

struct ncclComm;

namespace tidemark::comm {

/// NCCL's communicator does not block: what it has begun it carries on with by itself, and is asked
/// whether it is done. So every call has a deadline, and ends in RunError when that has passed; a
/// call that does not come back at all is the watchdog's. Before an error is thrown the
/// communicator is aborted, which ends what it has on the device; nothing but destruction is
/// possible then.
class NcclLink {
 public:
  /// Collective over the ranks of `control`, which brings NCCL's unique id to all of them; the
  /// device is the current one. `watchdog` watches the host's calls and knows the context.
  NcclLink(Communicator& control, std::chrono::duration<double> timeout, job::Watchdog& watchdog);
  /// Finalises, collectively; where an error unwinds this rank or has been met, aborts.
  ~NcclLink();
  NcclLink(const NcclLink&) = delete;
  NcclLink& operator=(const NcclLink&) = delete;

  /// How much longer than `timeout` a call may take that has not come back, before the process is
  /// ended without more ado.
  static std::chrono::duration<double> grace(std::chrono::duration<double> timeout) {
    return std::min(timeout, std::chrono::duration<double>(10.0));
  }

  /// For NCCL's functions, unless is_broken().
  [[nodiscard]] ncclComm* get() const noexcept { return comm_; }
  /// Aborted: nothing more can be asked of it.
  [[nodiscard]] bool is_broken() const noexcept { return comm_ == nullptr; }

  /// `launch` gives something to NCCL and returns its code, an ncclResult_t. Returns when it is on
  /// its stream. `operation` is a literal.
  template <class Launch>
  void launch(const char* operation, const Launch& launch) {
    std::string trouble;
    {
      const job::Watchdog::Call watched(watchdog_, operation);
      trouble = wait_for(launch());
    }
    if (!trouble.empty()) fail(operation, trouble);
  }

  /// What has gone wrong since, on the device or the network; empty: nothing. Never blocks.
  [[nodiscard]] std::string asynchronous_trouble() const;

  /// Aborts, and throws the line of a failed operation.
  [[noreturn]] void fail(std::string_view operation, std::string_view reason);
  /// The line: operation, context, rank, reason.
  [[nodiscard]] std::string failure_line(std::string_view operation, std::string_view reason) const;
  /// NCCL's words for a code, an ncclResult_t.
  [[nodiscard]] std::string describe(int code) const;
  void abort() noexcept;

 private:
  /// Waits until NCCL has done what `code` says that it has begun; what went wrong, or nothing.
  [[nodiscard]] std::string wait_for(int code) const;

  job::Watchdog& watchdog_;
  std::chrono::duration<double> timeout_;
  int rank_;
  ncclComm* comm_ = nullptr;
};

}  // namespace tidemark::comm
