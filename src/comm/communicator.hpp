// SPDX-License-Identifier: BSD-3-Clause
// The one interface through which tensor-parallel ranks exchange data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/dtype.hpp"
#include "base/memory_source.hpp"
#include "comm/account.hpp"
#include "comm/algorithms/rounds.hpp"
#include "comm/call.hpp"
#include "comm/counters.hpp"
#include "comm/operation.hpp"

namespace tidemark::comm {

class Communicator;

/// One of several exchanges of this rank.
struct Exchange {
  const void* send;
  int to;
  void* recv;
  int from;
};

/// The algorithm that `auto` selected for messages of one size class, and why.
struct AlgorithmChoice {
  Operation operation;
  DType dtype;
  std::int64_t message_bytes;  ///< of the measured call; it stands for all sizes with the same
                               ///< number of bits
  Algorithm algorithm;
  bool overlapping = false;  ///< for calls that run concurrently with other work
  /// Seconds of the fastest call on the slowest rank, one per algorithm in the order of its values.
  /// For an overlapping call this is the time beside work, as in PieceChoice. 0: not measured.
  std::array<double, all_algorithms.size()> seconds{};
};

/// How messages that travel beside work do so best, by trial exchanges of all ranks with their
/// neighbours. Two exchanges are always under way. Seconds are those of one exchange of the fastest
/// trial, on the slowest rank. Beside each, the rank works and polls as between the tiles of a
/// product, as long as the exchange takes alone.
struct PieceChoice {
  std::int64_t message_bytes;  ///< of the trial
  std::int64_t piece_bytes;
  double whole_seconds;
  double pieces_seconds;
  bool cuts;  ///< messages are cut into such pieces
};

/// A pending collective. Move-only; an empty request is complete.
///
/// The buffers of the call and the communicator must outlive the request. A pending request that is
/// destroyed or overwritten waits for its call first, because its buffers may be freed next. If
/// that wait fails, it prints the error line and ends the process with status 3, because a
/// destructor cannot report the error. While an exception unwinds, the request does not wait. It
/// abandons the call, because the other ranks may never join it.
class Request {
 public:
  Request() noexcept = default;
  /// For implementations of Communicator: a pending call that `owner` knows by `ticket`.
  Request(Communicator& owner, std::uint64_t ticket) noexcept : owner_(&owner), ticket_(ticket) {}
  Request(Request&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)), ticket_(other.ticket_) {}
  Request& operator=(Request&& other) noexcept;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request() { finish(); }

  [[nodiscard]] bool pending() const noexcept { return owner_ != nullptr; }
  [[nodiscard]] std::uint64_t ticket() const noexcept { return ticket_; }
  /// The communicator that issued the request; null when it is complete.
  [[nodiscard]] const Communicator* owner() const noexcept { return owner_; }
  /// For implementations of Communicator: the call is complete.
  void mark_complete() noexcept { owner_ = nullptr; }

 private:
  void finish() noexcept;

  Communicator* owner_ = nullptr;
  std::uint64_t ticket_ = 0;
};

/// Collectives among the tensor-parallel ranks of one case.
///
/// All ranks call the same operations in the same order, with the same counts and types. Counts are
/// in elements. Buffers are pointers to contiguous memory that the caller owns. The caller must not
/// touch a buffer from the call until the request is complete. A count of zero is valid, and its
/// pointers may be null.
///
/// Every data or control call that fails throws RunError. The error names the operation, the
/// context and the rank. Only one thread at a time may use a communicator.
class Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;

  [[nodiscard]] virtual int rank() const noexcept = 0;  ///< 0 to size() - 1
  [[nodiscard]] virtual int size() const noexcept = 0;  ///< t
  /// The node of each rank. Where the implementation cannot tell, all ranks count as one node.
  [[nodiscard]] virtual NodeMap nodes() const { return size(); }
  /// Name of the implementation in records: "self", "mpi" or "nccl".
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// How buffers travel between ranks, in the words of the records. "host": the buffers are in host
  /// memory. "device": the library accesses device memory itself. "staged": the data travel from
  /// the device through host memory.
  [[nodiscard]] virtual std::string_view transport() const noexcept { return "host"; }

  // Collectives of the step. The counters count them.

  /// Replaces `buffer` [count] by its elementwise sum over all ranks.
  [[nodiscard]] Request all_reduce(void* buffer, std::size_t count, DType dtype, Purpose purpose) {
    return post({Operation::all_reduce, purpose, dtype, nullptr, buffer, count});
  }

  /// Concatenates the `send` [count_per_rank] of rank 0, 1, ... in `recv`
  /// [size() * count_per_rank]. The call works in place if `send` is this rank's own block of
  /// `recv`. Otherwise the buffers must not overlap.
  [[nodiscard]] Request all_gather(const void* send, void* recv, std::size_t count_per_rank,
                                   DType dtype, Purpose purpose) {
    return post({Operation::all_gather, purpose, dtype, send, recv, count_per_rank});
  }

  /// Sums `send` [size() * count_per_rank] elementwise over all ranks, and writes block rank() of
  /// the sum to `recv` [count_per_rank]. The buffers must not overlap, with two exceptions. With
  /// one rank they may be equal. Own algorithms and NCCL also work in place: `recv` may be this
  /// rank's block of `send`.
  [[nodiscard]] Request reduce_scatter(const void* send, void* recv, std::size_t count_per_rank,
                                       DType dtype, Purpose purpose) {
    return post({Operation::reduce_scatter, purpose, dtype, send, recv, count_per_rank});
  }

  /// Sends `send` [count] to rank `to` and receives `recv` [count] from rank `from`. The buffers
  /// must not overlap. Every rank must call it, so that each message has a receiver.
  [[nodiscard]] Request exchange(const void* send, int to, void* recv, int from, std::size_t count,
                                 DType dtype, Purpose purpose) {
    return post({Operation::send_recv, purpose, dtype, send, recv, count, to, from});
  }

  /// Calls `exchange` for each message, in this order; each message has `count` elements. Returns
  /// one request per message. See post_together.
  [[nodiscard]] std::vector<Request> exchange_together(std::span<const Exchange> messages,
                                                       std::size_t count, DType dtype,
                                                       Purpose purpose);

  /// Posts one of the calls above. Implementations and wrappers override only this function for
  /// collectives.
  [[nodiscard]] virtual Request post(const Call& call) = 0;
  /// Posts exchanges in this order, as one group if the library has groups of calls. Returns one
  /// request per exchange.
  [[nodiscard]] virtual std::vector<Request> post_together(std::span<const Call> exchanges);

  /// True: calls run concurrently with other work. False, the initial state: the caller waits for
  /// each call at once, so the communicator may complete it while posting it.
  virtual void set_overlapping(bool) {}

  /// Selects the algorithm of the following collectives, if the communicator has several. nullopt,
  /// the initial state: the algorithm of its options. All ranks must pass the same value.
  virtual void use_algorithm(std::optional<Algorithm>) {}

  /// Whether calls are ordered by the device's compute stream instead of the host's clock.
  ///
  /// False: all writes to the buffers must be complete before the call is posted. `wait` returns
  /// when the call is complete.
  ///
  /// True: the call starts after the work that is on the compute stream when it is posted. Work
  /// that is put on the stream after `wait` starts after the call. The host waits for neither, and
  /// no thread has to poll.
  [[nodiscard]] virtual bool follows_stream() const noexcept { return false; }

  /// Returns when the call is complete and its buffers are usable. If follows_stream() is true, it
  /// returns at once and only orders later work of the stream. Does nothing for a complete request.
  virtual void wait(Request& request) = 0;
  /// Drives pending calls, or looks for calls that have failed. Never blocks.
  virtual void poll() = 0;
  /// The host waits for all calls for which `wait` was called.
  virtual void fence() {}
  /// Stops all progress of pending calls, because an error unwinds this rank and frees their
  /// buffers. A later wait for one of them throws RunError.
  virtual void abandon() noexcept {}

  /// A source of memory for buffers that the library registers, so that it moves them without
  /// internal copies. nullopt if the communicator has no such memory.
  ///
  /// All ranks must allocate the same sizes in the same order. In a call, the buffers of all ranks
  /// must have the same offset in their allocations. Memory that is given back must not be in use
  /// by a pending call. All of it must be given back before the communicator is destroyed, except
  /// when an error unwinds this rank.
  [[nodiscard]] virtual std::optional<MemorySource> buffer_memory() { return std::nullopt; }
  /// Bytes of that memory that the library has registered. The library may decline to register it.
  [[nodiscard]] virtual std::int64_t registered_bytes() const { return 0; }
  /// Bytes of scratch memory that own algorithms hold; 0 if the library carries out all calls. A
  /// call holds its block from posting until it is waited for.
  [[nodiscard]] virtual std::int64_t scratch_bytes() const { return 0; }
  /// Frees scratch memory that no call uses. From then on, the amount that is held depends on the
  /// following calls only.
  virtual void release_scratch() {}

  // Control operations of the harness. They block, and the counters ignore them.

  virtual void barrier() = 0;
  /// Replaces each value by its maximum (minimum, sum) over the ranks. All ranks pass the same
  /// number of values. The results are equal to the bit on all ranks.
  virtual void max_over_ranks(std::span<double> values) = 0;
  virtual void min_over_ranks(std::span<double> values) = 0;
  virtual void sum_over_ranks(std::span<double> values) = 0;
  /// Returns the root's bytes on every rank. The arguments of the other ranks are ignored.
  [[nodiscard]] virtual std::string broadcast_bytes(std::string bytes, int root = 0) = 0;
  /// Returns the bytes of all ranks, by rank, on every rank. Their lengths may differ.
  [[nodiscard]] virtual std::vector<std::string> gather_bytes(std::string_view bytes) = 0;

  // Accounts and settings.

  /// Sets the words for the current activity in error lines, such as "step 3 of case 1".
  virtual void set_context(std::string context) = 0;
  /// Sets the longest time of one blocking call in seconds, if the communicator watches its calls.
  virtual void set_timeout(double /*seconds*/) {}
  /// Counters of this rank since the last reset; copy them for a snapshot.
  [[nodiscard]] virtual const Counters& counters() const = 0;
  virtual void reset_counters() = 0;
  /// Seconds that `poll` took since the last reset.
  [[nodiscard]] virtual double polling_seconds() const noexcept { return 0.0; }
  /// From now on enters every call into `log`, too. The caller owns `log`; null ends this.
  virtual void attach(CallLog*) noexcept {}
  /// The algorithms that were selected by measurement, in the order of selection.
  [[nodiscard]] virtual std::vector<AlgorithmChoice> choices() const { return {}; }
  /// How messages travel beside work; nullopt if it was not measured.
  [[nodiscard]] virtual std::optional<PieceChoice> pieces() const { return std::nullopt; }
};

}  // namespace tidemark::comm
