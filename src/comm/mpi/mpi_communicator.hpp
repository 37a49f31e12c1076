// SPDX-License-Identifier: BSD-3-Clause
// Collectives by MPI.
#pragma once

#include <chrono>
#include <condition_variable>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "comm/algorithms/memory_block.hpp"
#include "comm/algorithms/sums.hpp"
#include "comm/communicator.hpp"
#include "job/mpi_header.hpp"
#include "job/watchdog.hpp"

namespace tidemark::comm {

class MpiPendingCalls;

/// How an MpiCommunicator works.
struct MpiOptions {
  /// Algorithm of the collectives. If `automatic`, the first call of each operation and size class
  /// measures all algorithms, and later calls use the fastest.
  Algorithm algorithm = Algorithm::native;
  bool automatic = false;
  std::size_t segment_bytes = default_segment_bytes;  ///< see segment_of
  /// Largest number of elements of one message, and of one library call that counts in int. Tests
  /// lower it.
  std::size_t largest_count = std::numeric_limits<int>::max();
  /// A separate thread drives pending calls, once per `progress_interval`.
  bool progress_thread = false;
  std::chrono::microseconds progress_interval{500};
  /// The memory of buffers and of scratch. If it is device memory, the library must be able to
  /// access it. Then the library forms no sums of bf16, and runs no call concurrently with other
  /// work. It would form these sums on the host, which cannot read the memory.
  bool on_device = false;
  void (*use_device)() = nullptr;  ///< the progress thread calls it first
  MemorySource memory = host_memory;
  SumFunction sum = sum_on_host;
};

/// Collectives over MPI: the library's own, or own algorithms over Isend and Irecv.
///
/// Own algorithms and exchanges run concurrently with other work. They advance only during `wait`
/// and `poll`, or by the thread of MpiOptions. The library's own collectives complete while they
/// are posted, unless `set_overlapping` was set. Own algorithms form sums as Algorithm defines it.
/// The library forms sums in the element type and in an order of its choice.
///
/// A call may have more than 2^31 - 1 elements (all ranks' blocks together). Own algorithms and
/// exchanges cut its messages. A library of MPI 4 has functions for such calls. An older library
/// counts in int: `native` then throws RunError, and `automatic` uses other algorithms. A call that
/// takes longer than the timeout ends the process; see Watchdog. Destroy the communicator before
/// MPI_Finalize.
class MpiCommunicator final : public Communicator {
 public:
  /// Duplicates `parent`, which remains the caller's. Collective. MPI must be initialised with at
  /// least MPI_THREAD_FUNNELED, or with MPI_THREAD_SERIALIZED for a progress thread.
  MpiCommunicator(MPI_Comm parent, std::chrono::duration<double> timeout, MpiOptions options = {});
  ~MpiCommunicator() override;

  [[nodiscard]] int rank() const noexcept override { return handle_.rank; }
  [[nodiscard]] int size() const noexcept override { return handle_.size; }
  [[nodiscard]] std::string_view name() const noexcept override { return "mpi"; }
  [[nodiscard]] std::string_view transport() const noexcept override {
    return options_.on_device ? "device" : "host";
  }

  [[nodiscard]] Request post(const Call& call) override;
  void set_overlapping(bool overlapping) override { overlapping_ = overlapping; }
  void use_algorithm(std::optional<Algorithm> algorithm) override { imposed_ = algorithm; }
  void wait(Request& request) override;
  void poll() override;
  void abandon() noexcept override;
  [[nodiscard]] std::int64_t scratch_bytes() const override;
  void release_scratch() override;

  void barrier() override;
  void max_over_ranks(std::span<double> values) override;
  void min_over_ranks(std::span<double> values) override;
  void sum_over_ranks(std::span<double> values) override;
  [[nodiscard]] std::string broadcast_bytes(std::string bytes, int root = 0) override;
  [[nodiscard]] std::vector<std::string> gather_bytes(std::string_view bytes) override;

  void set_context(std::string context) override { watchdog_.set_context(std::move(context)); }
  void set_timeout(double seconds) override {
    watchdog_.set_timeout(std::chrono::duration<double>(seconds));
  }
  [[nodiscard]] const Counters& counters() const noexcept override { return account_.counters(); }
  void reset_counters() noexcept override { account_.reset(); }
  [[nodiscard]] double polling_seconds() const noexcept override {
    return account_.polling_seconds();
  }
  void attach(CallLog* log) noexcept override { account_.attach(log); }
  [[nodiscard]] std::vector<AlgorithmChoice> choices() const override { return choices_; }

 private:
  struct Handle {
    MPI_Comm comm = MPI_COMM_NULL;
    MPI_Op bf16_sum = MPI_OP_NULL;
    MPI_Op large_bf16_sum = MPI_OP_NULL;  ///< for counts beyond int, if the library has them
    int rank = 0;
    int size = 1;
  };
  /// A call with its properties in the account.
  struct BookedCall : Call {
    std::size_t message_bytes;
    bool counted = true;  ///< false for calls of the harness
  };
  using Fold = double (*)(double, double);

  // mpi_communicator.cpp
  void duplicate(MPI_Comm parent);
  void identify_peers();
  [[noreturn]] void fail(std::string_view operation, std::string_view reason) const;
  void check(int code, std::string_view operation) const;
  [[nodiscard]] int checked_count(std::size_t count, int blocks, std::string_view operation) const;
  void require_apart(const void* block, const void* whole, std::size_t block_bytes,
                     std::string_view operation) const;
  [[nodiscard]] bool may_be_native(const BookedCall& call) const;
  [[nodiscard]] Algorithm allowed(Algorithm algorithm, const BookedCall& call) const;
  void require_usable_buffers(const Call& call) const;
  Request post_exchange(const BookedCall& call);
  Request carry_out(const BookedCall& call);
  Request carry_out_by(Algorithm algorithm, const BookedCall& call);
  Request native(const BookedCall& call);
  Request start_script(const BookedCall& call, Script script);
  template <class Launch>
  Request start(const BookedCall& call, const Launch& launch);
  void drive(std::uint64_t awaited, Clock::time_point begin);

  // native.cpp
  void make_sums();
  void free_sums();
  [[nodiscard]] bool exceeds_int(const BookedCall& call) const;
  void require_countable(const BookedCall& call) const;
  int call_native(const BookedCall& call, MPI_Request* request) const;
  Request blocking_native(const BookedCall& call);

  // algorithm_choice.cpp
  [[nodiscard]] Algorithm algorithm_for(const BookedCall& call);
  [[nodiscard]] AlgorithmChoice measure(const BookedCall& call);

  // control.cpp
  void fold_over_ranks(std::span<double> values, Fold fold, const char* operation);
  void meet(const char* operation);
  template <class Body>
  void control(const char* operation, const Body& body);

  /// A thread that drives pending calls during its lifetime.
  class ProgressThread;

  job::Watchdog watchdog_;  // first, because it also watches the duplication
  MpiOptions options_;
  Handle handle_;
  Account account_{1};
  std::vector<AlgorithmChoice> choices_;
  /// Key: operation, type, size class, and whether calls run concurrently with other work.
  std::map<std::tuple<Operation, DType, int, bool>, Algorithm> chosen_;
  std::optional<Algorithm> imposed_;  ///< set by use_algorithm
  bool overlapping_ = false;
  mutable std::mutex mutex_;  ///< guards pending calls and account against the progress thread
  std::unique_ptr<MpiPendingCalls> pending_;
  std::unique_ptr<ProgressThread> progress_;  ///< last, because it uses all other members
};

}  // namespace tidemark::comm
