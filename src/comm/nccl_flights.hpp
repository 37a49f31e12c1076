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
/// made when the device is through, by `settle`.
class NcclFlights {
 public:
  struct Call {
    Operation operation;
    Purpose purpose;
    std::int64_t message_bytes;
  };

  /// Beside `compute`, a stream of the current device. Throws RunError where CUDA fails, as all of
  /// the class does.
  explicit NcclFlights(CudaStream compute, int ranks);
  ~NcclFlights();
  NcclFlights(const NcclFlights&) = delete;
  NcclFlights& operator=(const NcclFlights&) = delete;

  /// `launch` puts the call on the stream that it is given. What the compute stream holds now is
  /// done before it. Returns its ticket.
  template <class Launch>
  std::uint64_t depart(const Call& call, const Launch& launch) {
    const Mark posted = clock_.mark(compute_);
    clock_.make_wait(stream_, posted);
    launch(stream_);
    flights_.push_back({call, posted, clock_.mark(stream_), nullptr, false});
    return first_ticket_ + flights_.size() - 1;
  }
  [[nodiscard]] Operation operation_of(std::uint64_t ticket) { return at(ticket).call.operation; }
  /// What the compute stream is given from now on comes behind the call.
  void land(std::uint64_t ticket);

  /// Enters the calls that have been waited for: all, which the host waits for, or those that are
  /// complete already.
  enum class Which { all, complete };
  void settle(Which which);
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
  struct Flight {
    Call call;
    Mark posted, completed;
    Mark awaited;  ///< null until it is waited for
    bool is_settled;
  };
  [[nodiscard]] Flight& at(std::uint64_t ticket);
  void settle(Flight& flight);
  [[nodiscard]] bool is_through(const Flight& flight) const;

  StreamClock clock_;
  CudaStream compute_;
  CudaStream stream_ = nullptr;
  Account account_;
  std::deque<Flight> flights_;
  std::uint64_t first_ticket_ = 1;  ///< of the first flight
  std::uint64_t unfinished_ = 1;    ///< ticket of the first call that was not seen complete yet
};

}  // namespace tidemark::comm
