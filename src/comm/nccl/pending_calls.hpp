// Calls of NCCL on their stream, in order with the stream that computes, and when they happened.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/stream_clock.hpp"
#include "comm/account.hpp"

namespace tidemark::comm {

/// All calls of a communicator, from posting until they are in its books.
///
/// They are carried out one after the other on a stream of high priority. Four moments of a call
/// count, all on the device: when the compute stream got to where it was posted, when it was
/// complete, and, once it has been waited for, when the compute stream got to that. A compute
/// stream that gets there first stands still until the call is complete: blocked. So the books are
/// made by `account_for`, when the device is through.
class NcclPendingCalls {
 public:
  struct Entry {
    Operation operation;
    Purpose purpose;
    std::int64_t message_bytes;
  };

  /// Beside `compute`, a stream of the current device. Throws RunError where CUDA fails, as all of
  /// the class does.
  explicit NcclPendingCalls(CudaStream compute, int ranks);
  ~NcclPendingCalls();
  NcclPendingCalls(const NcclPendingCalls&) = delete;
  NcclPendingCalls& operator=(const NcclPendingCalls&) = delete;

  /// `launch` puts the call on the stream that it is given. What the compute stream holds now is
  /// done before it. Returns its ticket.
  template <class Launch>
  std::uint64_t post(const Entry& entry, const Launch& launch) {
    const Mark posted = clock_.mark(compute_);
    clock_.make_wait(stream_, posted);
    launch(stream_);
    pending_.push_back({entry, posted, clock_.mark(stream_), nullptr, false});
    return first_ticket_ + pending_.size() - 1;
  }
  [[nodiscard]] Operation operation_of(std::uint64_t ticket) { return at(ticket).entry.operation; }
  /// What the compute stream is given from now on comes behind the call.
  void order_after(std::uint64_t ticket);

  /// Enters the calls that have been waited for: all, which the host waits for, or those that are
  /// complete already.
  enum class Which { all, complete };
  void account_for(Which which);
  /// The host waits for all that the communicator and the compute stream have.
  void drain() const;

  [[nodiscard]] Account& account() { return account_; }
  [[nodiscard]] const Account& account() const { return account_; }

  /// How far the device has got.
  struct Progress {
    std::uint64_t steps = 0;             ///< grows whenever a call has been reached or is complete
    std::optional<Operation> operation;  ///< of the oldest call that is not; none: nothing to do
    bool is_reached = false;  ///< the compute stream has got to where that call was posted
  };
  [[nodiscard]] Progress progress();

 private:
  using Mark = StreamClock::Mark;
  struct PendingCall {
    Entry entry;
    Mark posted, completed;
    Mark awaited;  ///< null until it is waited for
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
  std::uint64_t unfinished_ = 1;    ///< ticket of the first call that was not seen complete yet
};

}  // namespace tidemark::comm
