// SPDX-License-Identifier: BSD-3-Clause
// The communicator of a single rank.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comm/communicator.hpp"

namespace tidemark::comm {

/// One rank (t = 1). No data cross a link, so wire bytes are 0. All-gather and reduce-scatter copy
/// their buffer if `send` and `recv` differ. A request is complete when it is returned. On a device
/// the copy is ordered by the compute stream.
class SelfCommunicator final : public Communicator {
 public:
  /// Copies in the order of a device's compute stream.
  using CopyInOrder = std::function<void(void* to, const void* from, std::size_t bytes)>;

  /// For host buffers, or with `copy` for buffers of a device.
  explicit SelfCommunicator(CopyInOrder copy = {}) : copy_in_order_(std::move(copy)) {}

  [[nodiscard]] int rank() const noexcept override { return 0; }
  [[nodiscard]] int size() const noexcept override { return 1; }
  [[nodiscard]] std::string_view name() const noexcept override { return "self"; }
  [[nodiscard]] std::string_view transport() const noexcept override {
    return copy_in_order_ ? "device" : "host";
  }
  [[nodiscard]] bool follows_stream() const noexcept override {
    return static_cast<bool>(copy_in_order_);
  }

  [[nodiscard]] Request post(const Call& call) override;
  void wait(Request& request) override;
  void poll() override {}

  void barrier() override {}
  void max_over_ranks(std::span<double>) override {}
  void min_over_ranks(std::span<double>) override {}
  void sum_over_ranks(std::span<double>) override {}
  [[nodiscard]] std::string broadcast_bytes(std::string bytes, int root = 0) override;
  [[nodiscard]] std::vector<std::string> gather_bytes(std::string_view bytes) override;

  void set_context(std::string context) override { context_ = std::move(context); }
  [[nodiscard]] const Counters& counters() const noexcept override { return account_.counters(); }
  void reset_counters() noexcept override { account_.reset(); }

 private:
  CopyInOrder copy_in_order_;
  Account account_{1};
  std::string context_ = "set-up";
};

}  // namespace tidemark::comm
