// SPDX-License-Identifier: BSD-3-Clause
// The base of communicators that change how another communicator carries out collectives.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comm/communicator.hpp"

namespace tidemark::comm {

/// Forwards everything to another communicator, which must outlive it, except collectives, `wait`
/// and the account. Exchanges that are posted together are posted one by one.
class Decorator : public Communicator {
 public:
  explicit Decorator(Communicator& inner) : inner_(inner), account_(inner.size()) {}

  [[nodiscard]] int rank() const noexcept override { return inner_.rank(); }
  [[nodiscard]] int size() const noexcept override { return inner_.size(); }
  [[nodiscard]] NodeMap nodes() const override { return inner_.nodes(); }
  [[nodiscard]] std::string_view name() const noexcept override { return inner_.name(); }

  [[nodiscard]] std::string_view transport() const noexcept override { return inner_.transport(); }
  void set_overlapping(bool overlapping) override { inner_.set_overlapping(overlapping); }
  void use_algorithm(std::optional<Algorithm> algorithm) override {
    inner_.use_algorithm(algorithm);
  }
  [[nodiscard]] bool follows_stream() const noexcept override { return inner_.follows_stream(); }
  void poll() override { inner_.poll(); }
  void fence() override { inner_.fence(); }
  void abandon() noexcept override { inner_.abandon(); }
  [[nodiscard]] std::optional<MemorySource> buffer_memory() override {
    return inner_.buffer_memory();
  }
  [[nodiscard]] std::int64_t registered_bytes() const override { return inner_.registered_bytes(); }
  [[nodiscard]] std::int64_t scratch_bytes() const override { return inner_.scratch_bytes(); }
  void release_scratch() override { inner_.release_scratch(); }

  void barrier() override { inner_.barrier(); }
  void max_over_ranks(std::span<double> values) override { inner_.max_over_ranks(values); }
  void min_over_ranks(std::span<double> values) override { inner_.min_over_ranks(values); }
  void sum_over_ranks(std::span<double> values) override { inner_.sum_over_ranks(values); }
  [[nodiscard]] std::string broadcast_bytes(std::string bytes, int root = 0) override {
    return inner_.broadcast_bytes(std::move(bytes), root);
  }
  [[nodiscard]] std::vector<std::string> gather_bytes(std::string_view bytes) override {
    return inner_.gather_bytes(bytes);
  }

  void set_context(std::string context) override { inner_.set_context(std::move(context)); }
  void set_timeout(double seconds) override { inner_.set_timeout(seconds); }
  [[nodiscard]] const Counters& counters() const noexcept override { return account_.counters(); }
  void reset_counters() override {
    account_.reset();
    inner_.reset_counters();
  }
  [[nodiscard]] double polling_seconds() const noexcept override {
    return inner_.polling_seconds();
  }
  void attach(CallLog* log) noexcept override { account_.attach(log); }
  [[nodiscard]] std::vector<AlgorithmChoice> choices() const override { return inner_.choices(); }
  [[nodiscard]] std::optional<PieceChoice> pieces() const override { return inner_.pieces(); }

 protected:
  /// Polls the other communicator while calls of this one are pending, and accounts for the time.
  void poll_while_pending(bool is_pending) {
    if (!is_pending) return;
    const Clock::time_point begin = Clock::now();
    inner_.poll();
    account_.occupied({Operation::send_recv, true, begin, Clock::now()});
  }

  Communicator& inner_;
  Account account_;
};

}  // namespace tidemark::comm
