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

/// What `auto` chose for messages of one size class, and why.
struct AlgorithmChoice {
  Operation operation;
  DType dtype;
  std::int64_t message_bytes;  ///< of the call that was measured; it stands for its power of two
  Algorithm algorithm;
  bool overlapping = false;  ///< of calls that go on beside other work
  /// The fastest call of the slowest rank, by algorithm in the order of its values; 0: not
  /// measured.
  std::array<double, 3> seconds{};
};

/// A collective under way. Move-only; an empty request is complete.
///
/// The buffers of the call and the communicator must outlive the request. A request destroyed or
/// overwritten while pending is waited for, since its buffers may be freed next. If that wait
/// fails, the error line is printed and the process ends with status 3, for a destructor cannot
/// report it. While an exception unwinds nobody waits: the call is abandoned, for the other ranks
/// may never come.
class Request {
 public:
  Request() noexcept = default;
  /// For implementations of Communicator: a pending call, known to `owner` by `ticket`.
  Request(Communicator& owner, std::uint64_t ticket) noexcept : owner_(&owner), ticket_(ticket) {}
  Request(Request&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)), ticket_(other.ticket_) {}
  Request& operator=(Request&& other) noexcept;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request() { finish(); }

  [[nodiscard]] bool pending() const noexcept { return owner_ != nullptr; }
  [[nodiscard]] std::uint64_t ticket() const noexcept { return ticket_; }
  /// The communicator that issued it; null once complete.
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
/// in elements; buffers are pointers to contiguous memory, owned by the caller, untouched by him
/// from the call until its request is complete. A count of zero is valid, and so are null pointers
/// with it. Every call, of data or of control, throws RunError naming the operation, the context
/// and the rank when it fails. One thread at a time may use a communicator.
class Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;

  [[nodiscard]] virtual int rank() const noexcept = 0;  ///< 0 to size() - 1
  [[nodiscard]] virtual int size() const noexcept = 0;  ///< t
  /// Implementation, as in the records: "self", "mpi", "nccl".
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// How buffers get from rank to rank, as in the records: "host", which is where they lie;
  /// "device", which the library reaches by itself; "staged", from a device through host memory.
  [[nodiscard]] virtual std::string_view transport() const noexcept { return "host"; }

  // Collectives of the step: counted.

  /// Replaces `buffer` [count] by its elementwise sum over all ranks.
  [[nodiscard]] Request all_reduce(void* buffer, std::size_t count, DType dtype, Purpose purpose) {
    return post({Operation::all_reduce, purpose, dtype, nullptr, buffer, count});
  }

  /// `recv` [size() * count_per_rank] becomes the `send` [count_per_rank] of rank 0, 1, ... in
  /// this order. In place where `send` is this rank's own block of `recv`; otherwise they must not
  /// overlap.
  [[nodiscard]] Request all_gather(const void* send, void* recv, std::size_t count_per_rank,
                                   DType dtype, Purpose purpose) {
    return post({Operation::all_gather, purpose, dtype, send, recv, count_per_rank});
  }

  /// `recv` [count_per_rank] becomes block rank() of the elementwise sum over all ranks of `send`
  /// [size() * count_per_rank]. They must not overlap, except that with one rank both may be equal,
  /// and that own algorithms and NCCL work in place: `recv` may be this rank's own block of `send`.
  [[nodiscard]] Request reduce_scatter(const void* send, void* recv, std::size_t count_per_rank,
                                       DType dtype, Purpose purpose) {
    return post({Operation::reduce_scatter, purpose, dtype, send, recv, count_per_rank});
  }

  /// Sends `send` [count] to rank `to` and receives `recv` [count] from rank `from`. The buffers
  /// must not overlap. Every rank calls it, so that each message has its receiver.
  [[nodiscard]] Request exchange(const void* send, int to, void* recv, int from, std::size_t count,
                                 DType dtype, Purpose purpose) {
    return post({Operation::send_recv, purpose, dtype, send, recv, count, to, from});
  }

  /// `exchange` of each message, all of `count` elements, in this order; see post_together. Returns
  /// a request for each.
  [[nodiscard]] std::vector<Request> exchange_together(std::span<const Exchange> messages,
                                                       std::size_t count, DType dtype,
                                                       Purpose purpose);

  /// Posts one of the calls above. The one function that implementations and wrappers provide.
  [[nodiscard]] virtual Request post(const Call& call) = 0;
  /// Posts exchanges, in this order: at once, where the library has groups of calls. Returns a
  /// request for each.
  [[nodiscard]] virtual std::vector<Request> post_together(std::span<const Call> exchanges);

  /// Whether calls are waited for at once (false, as at the beginning), so that they may as well be
  /// carried out when they are posted; or go on beside other work.
  virtual void set_overlapping(bool) {}

  /// From now on carries collectives out by this algorithm, where it has several; nullopt: by those
  /// of its options, as at the beginning. The same on all ranks.
  virtual void use_algorithm(std::optional<Algorithm>) {}

  /// Where the buffers are used when. False: by the host's clock, so that whoever wrote them has to
  /// be done before the call is posted, and `wait` returns when it is complete. True: in the order
  /// of the device's compute stream, of which the communicator knows: a call comes behind what the
  /// stream holds when it is posted, what the stream is given after `wait` comes behind the call,
  /// and the host waits for neither. Such calls need nobody to drive them.
  [[nodiscard]] virtual bool follows_stream() const noexcept { return false; }

  /// Returns when the call is complete, its buffers usable (or ordered so; see follows_stream); at
  /// once for a complete request.
  virtual void wait(Request& request) = 0;
  /// Drives pending calls, or looks whether any has failed; never blocks.
  virtual void poll() = 0;
  /// The host waits for all calls that `wait` was called for.
  virtual void fence() {}
  /// An error unwinds this rank, and the buffers of calls under way go with it: none of them is
  /// moved on any more. Whoever waits for one afterwards meets a RunError.
  virtual void abandon() noexcept {}

  /// Memory for buffers that the library takes note of, so that it moves them without copies of its
  /// own; nullopt where it has none such. All ranks take equally much in the same order, and their
  /// calls find a buffer at the same distance from the beginning of what was taken. No call under
  /// way uses what is given back, and all of it is before the communicator ends, unless an error
  /// unwinds this rank.
  [[nodiscard]] virtual std::optional<MemorySource> buffer_memory() { return std::nullopt; }
  /// Bytes of it that the library has taken note of, which it may decline.
  [[nodiscard]] virtual std::int64_t registered_bytes() const { return 0; }
  /// Bytes of scratch memory that own algorithms hold for their calls; 0 where the library's own
  /// carry them out. A call has its block from posting until it is waited for.
  [[nodiscard]] virtual std::int64_t scratch_bytes() const { return 0; }
  /// Frees scratch memory that no call uses. How much is held from then on follows from the calls
  /// that come.
  virtual void release_scratch() {}

  // Control operations of the harness: blocking, never counted as traffic.

  virtual void barrier() = 0;
  /// Each value becomes its maximum (minimum, sum) over the ranks; equally many on all ranks.
  /// The result is the same on all ranks, to the bit.
  virtual void max_over_ranks(std::span<double> values) = 0;
  virtual void min_over_ranks(std::span<double> values) = 0;
  virtual void sum_over_ranks(std::span<double> values) = 0;
  /// The root's bytes, on every rank; what the others pass is ignored.
  [[nodiscard]] virtual std::string broadcast_bytes(std::string bytes, int root = 0) = 0;
  /// Everybody's bytes, by rank, on every rank. Lengths may differ.
  [[nodiscard]] virtual std::vector<std::string> gather_bytes(std::string_view bytes) = 0;

  // Bookkeeping.

  /// Says what is going on ("step 3 of case 1"): the words that error lines use.
  virtual void set_context(std::string context) = 0;
  /// Seconds that one blocking call may take from now on, where calls are watched.
  virtual void set_timeout(double /*seconds*/) {}
  /// Counters of this rank since the last reset; copy them for a snapshot.
  [[nodiscard]] virtual const Counters& counters() const = 0;
  virtual void reset_counters() = 0;
  /// Seconds that `poll` took since the last reset.
  [[nodiscard]] virtual double polling_seconds() const noexcept { return 0.0; }
  /// From now on, every call goes into `log`, too, which the caller owns; null: no longer.
  virtual void attach(CallLog*) noexcept {}
  /// What was measured where the algorithm was to be chosen, in order of choice.
  [[nodiscard]] virtual std::vector<AlgorithmChoice> choices() const { return {}; }
};

}  // namespace tidemark::comm
