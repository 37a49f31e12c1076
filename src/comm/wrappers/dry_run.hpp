// SPDX-License-Identifier: BSD-3-Clause
// The communicator of a dry run: it counts calls and moves nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comm/algorithms/levels.hpp"
#include "comm/algorithms/scratch_pool.hpp"
#include "comm/communicator.hpp"

namespace tidemark::comm {

/// Acts as rank 0 of `size` ranks, without the other ranks. Collectives are counted with zero
/// seconds. No buffer or value changes. It needs no MPI.
///
/// The bytes within and between nodes are known if a call may use one algorithm only.
///
/// It follows the scratch memory of own algorithms from posting to waiting, as an MpiCommunicator
/// with default options does. It allocates none of it.
class DryRunCommunicator final : public Communicator {
 public:
  /// `algorithms`: all own algorithms that a call may use. A call is counted with the largest
  /// scratch memory of them.
  explicit DryRunCommunicator(NodeMap nodes, std::vector<Algorithm> algorithms = {})
      : nodes_(std::move(nodes)), algorithms_(std::move(algorithms)) {}

  [[nodiscard]] int rank() const noexcept override { return 0; }
  [[nodiscard]] int size() const noexcept override { return nodes_.ranks(); }
  [[nodiscard]] NodeMap nodes() const override { return nodes_; }
  [[nodiscard]] std::string_view name() const noexcept override { return "dry run"; }

  [[nodiscard]] Request post(const Call& call) override {
    const auto bytes = static_cast<std::int64_t>(call.message_bytes(size()));
    counters_.add(call.operation, call.purpose, size(), bytes, 0.0, 0.0, mean_sent(call, bytes));
    const std::size_t segment = segment_of(default_segment_bytes, overlapping_, call.dtype);
    std::size_t scratch = 0;
    for (const Algorithm algorithm : algorithms_) {
      scratch =
          std::max(scratch, scratch_of(call.operation, algorithm, nodes_, call.count, segment));
    }
    if (scratch == 0) return {};
    pending_.emplace(++tickets_, scratch_.take(scratch * size_of(call.dtype)));
    return {*this, tickets_};
  }
  void set_overlapping(bool overlapping) override { overlapping_ = overlapping; }
  void wait(Request& request) override {
    if (!request.pending()) return;
    const auto block = pending_.find(request.ticket());
    scratch_.give_back(std::move(block->second));
    pending_.erase(block);
    request.mark_complete();
  }
  void poll() override {}
  /// The bytes that a run holds from its second step on.
  [[nodiscard]] std::int64_t scratch_bytes() const override { return scratch_.needed_bytes(); }
  void release_scratch() override { scratch_.forget(); }

  void barrier() override {}
  void max_over_ranks(std::span<double>) override {}
  void min_over_ranks(std::span<double>) override {}
  void sum_over_ranks(std::span<double>) override {}
  [[nodiscard]] std::string broadcast_bytes(std::string bytes, int = 0) override { return bytes; }
  [[nodiscard]] std::vector<std::string> gather_bytes(std::string_view bytes) override {
    return std::vector<std::string>(static_cast<std::size_t>(size()), std::string(bytes));
  }

  void set_context(std::string) override {}
  [[nodiscard]] const Counters& counters() const noexcept override { return counters_; }
  void reset_counters() noexcept override { counters_.reset(); }

 private:
  /// The share that crosses nodes, if it is the same for all algorithms that the call may use.
  [[nodiscard]] std::optional<double> share_of(const Call& call) const {
    if (nodes_.nodes() == 1) return 0.0;
    if (call.operation == Operation::send_recv) {
      // Gradients are exchanged in groups of ranks, so distances differ between ranks.
      if (call.purpose == Purpose::gradient) return std::nullopt;
      return network_share_of_exchange(call.to, nodes_);
    }
    return algorithms_.size() == 1 ? network_share(algorithms_.front(), nodes_) : std::nullopt;
  }
  /// The mean over the ranks.
  [[nodiscard]] std::optional<LevelBytes> mean_sent(const Call& call, std::int64_t bytes) const {
    const std::optional<double> share = share_of(call);
    if (!share) return std::nullopt;
    const std::int64_t wire = wire_bytes(call.operation, size(), bytes);
    const std::int64_t network = std::llround(*share * static_cast<double>(wire));
    return LevelBytes{wire - network, network};
  }

  /// An address that is not null. No code reads or writes it.
  static void* nowhere(std::size_t) {
    static std::byte place{};
    return &place;
  }
  static void leave(void*) noexcept {}

  NodeMap nodes_;
  std::vector<Algorithm> algorithms_;
  bool overlapping_ = false;
  Counters counters_;
  ScratchPool scratch_{{nowhere, leave}};
  std::map<std::uint64_t, MemoryBlock> pending_;  ///< key: ticket
  std::uint64_t tickets_ = 0;
};

}  // namespace tidemark::comm
