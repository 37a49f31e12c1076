// SPDX-License-Identifier: BSD-3-Clause
// Pending NCCL calls on their stream, their order with the compute stream, and their times.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/stream_clock.hpp"
#include "comm/account.hpp"

namespace tidemark::comm {

/// All calls of a communicator, from posting until they are entered into its account.
///
/// NCCL carries them out one after the other on a stream of high priority. Three moments of a call
/// are recorded on the device:
///
/// * `posted`: the compute stream reaches the point where the call was posted.
/// * `completed`: the call is complete.
/// * `awaited`: the compute stream reaches the point where the call is waited for.
///
/// If `awaited` is before `completed`, the compute stream is blocked in between. `account_for`
/// enters a call only after the device has passed all three moments.
class NcclPendingCalls {
 public:
  struct Entry {
    Operation operation;
    Purpose purpose;
    std::int64_t message_bytes;
  };

  /// Makes the communication stream on the current device, to which the stream `compute` belongs.
  /// All functions of this class throw RunError if CUDA fails.
  explicit NcclPendingCalls(CudaStream compute, int ranks);
  ~NcclPendingCalls();
  NcclPendingCalls(const NcclPendingCalls&) = delete;
  NcclPendingCalls& operator=(const NcclPendingCalls&) = delete;

  /// `launch` puts the call on the stream that it gets. The call starts after the work that is on
  /// the compute stream now. Returns the call's ticket.
  template <class Launch>
  std::uint64_t post(const Entry& entry, const Launch& launch) {
    const Mark posted = clock_.mark(compute_);
    clock_.make_wait(stream_, posted);
    launch(stream_);
    pending_.push_back({entry, posted, clock_.mark(stream_), nullptr, false});
    return first_ticket_ + pending_.size() - 1;
  }
  [[nodiscard]] Operation operation_of(std::uint64_t ticket) { return at(ticket).entry.operation; }
  /// Orders all later work of the compute stream after the call.
  void order_after(std::uint64_t ticket);

  /// Enters calls that have been waited for into the account. `all`: the host waits until they are
  /// complete. `complete`: only those that are complete already.
  enum class Which { all, complete };
  void account_for(Which which);
  /// The host waits for all work of the communication stream and the compute stream.
  void drain() const;

  [[nodiscard]] Account& account() { return account_; }
  [[nodiscard]] const Account& account() const { return account_; }

  /// Progress of the device.
  struct Progress {
    std::uint64_t steps = 0;             ///< grows when a call is reached or becomes complete
    std::optional<Operation> operation;  ///< of the oldest incomplete call, if any
    /// The compute stream has reached the point where that call was posted.
    bool is_reached = false;
  };
  [[nodiscard]] Progress progress();

 private:
  using Mark = StreamClock::Mark;
  struct PendingCall {
    Entry entry;
    Mark posted, completed;
    Mark awaited;  ///< null until the call is waited for
    bool is_accounted;
  };
  [[nodiscard]] PendingCall& at(std::uint64_t ticket);
  void account_for(PendingCall& call);
  [[nodiscard]] bool is_through(const PendingCall& call) const;

  StreamClock clock_;
  CudaStream compute_;
  CudaStream stream_ = nullptr;
  Account account_;
  std::deque<PendingCall> pending_;
  std::uint64_t first_ticket_ = 1;  ///< of the first call
  std::uint64_t unfinished_ = 1;    ///< ticket of the first call that is not known to be complete
};

}  // namespace tidemark::comm
