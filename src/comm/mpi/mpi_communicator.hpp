// SPDX-License-Identifier: BSD-3-Clause
// Collectives by MPI.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "comm/communicator.hpp"
#include "comm/mpi/algorithm_chooser.hpp"
#include "comm/mpi/control.hpp"
#include "comm/mpi/handle.hpp"
#include "comm/mpi/library_collectives.hpp"
#include "comm/mpi/options.hpp"
#include "comm/mpi/piece_chooser.hpp"
#include "comm/mpi/progress.hpp"
#include "job/watchdog.hpp"

namespace tidemark::comm {

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

  [[nodiscard]] int rank() const noexcept override { return handle_.rank(); }
  [[nodiscard]] int size() const noexcept override { return handle_.size(); }
  [[nodiscard]] NodeMap nodes() const override { return handle_.nodes(); }
  [[nodiscard]] std::string_view name() const noexcept override { return "mpi"; }
  [[nodiscard]] std::string_view transport() const noexcept override {
    return options_.on_device ? "device" : "host";
  }

  [[nodiscard]] Request post(const Call& call) override;
  void set_overlapping(bool overlapping) override { overlapping_ = overlapping; }
  void use_algorithm(std::optional<Algorithm> algorithm) override { imposed_ = algorithm; }
  void wait(Request& request) override;
  void poll() override { progress_.poll(); }
  void abandon() noexcept override { progress_.abandon(); }
  [[nodiscard]] std::int64_t scratch_bytes() const override { return progress_.scratch_bytes(); }
  void release_scratch() override { progress_.release_scratch(); }

  void barrier() override { control_.meet("barrier"); }
  void max_over_ranks(std::span<double> values) override { control_.max_over_ranks(values); }
  void min_over_ranks(std::span<double> values) override { control_.min_over_ranks(values); }
  void sum_over_ranks(std::span<double> values) override { control_.sum_over_ranks(values); }
  [[nodiscard]] std::string broadcast_bytes(std::string bytes, int root = 0) override {
    return control_.broadcast_bytes(std::move(bytes), root);
  }
  [[nodiscard]] std::vector<std::string> gather_bytes(std::string_view bytes) override {
    return control_.gather_bytes(bytes);
  }

  void set_context(std::string context) override { watchdog_.set_context(std::move(context)); }
  void set_timeout(double seconds) override {
    watchdog_.set_timeout(std::chrono::duration<double>(seconds));
  }
  [[nodiscard]] const Counters& counters() const noexcept override {
    return progress_.account().counters();
  }
  void reset_counters() noexcept override { progress_.account().reset(); }
  [[nodiscard]] double polling_seconds() const noexcept override {
    return progress_.account().polling_seconds();
  }
  void attach(CallLog* log) noexcept override { progress_.account().attach(log); }
  [[nodiscard]] std::vector<AlgorithmChoice> choices() const override { return chooser_.choices(); }
  [[nodiscard]] std::optional<PieceChoice> pieces() const override { return pieces_.choice(); }

 private:
  void require_usable_buffers(const Call& call) const;
  void require_apart(const Call& call, const void* block, const void* whole) const;
  [[nodiscard]] bool may_be_cut(Operation operation) const;
  /// Largest messages in bytes.
  struct Limits {
    std::size_t within_node;
    std::size_t between_nodes;
  };
  [[nodiscard]] Limits limits() const;
  Request post_exchange(const BookedCall& call, const Limits& limits);
  Request start(const BookedCall& call, Script script, const Limits& limits);
  [[nodiscard]] bool may_be_native(const BookedCall& call) const;
  [[nodiscard]] Algorithm algorithm_for(const BookedCall& call);
  Request carry_out_by(Algorithm algorithm, const BookedCall& call);
  Request carry_out_by_library(const BookedCall& call);

  job::Watchdog watchdog_;  // first, because it also watches the duplication
  MpiOptions options_;
  MpiHandle handle_;
  LibraryCollectives library_;
  MpiProgress progress_;
  MpiControl control_;
  AlgorithmChooser chooser_;
  PieceChooser pieces_;
  std::optional<Algorithm> imposed_;  ///< set by use_algorithm
  bool overlapping_ = false;
};

}  // namespace tidemark::comm
