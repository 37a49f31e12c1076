// SPDX-License-Identifier: BSD-3-Clause
// Collectives on device buffers, by a library that cannot access device memory.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "comm/device_buffers.hpp"
#include "comm/wrappers/decorator.hpp"
#include "comm/wrappers/pending_table.hpp"

namespace tidemark::comm {

/// Carries calls on device buffers out by a communicator for host memory, which it owns. It copies
/// the call's input to host memory before posting, and copies the result back in `wait`. These
/// copies count in the call's time and in its blocked time.
///
/// Host memory is kept for later calls, so repeated steps allocate none.
class Staged final : public Decorator {
 public:
  Staged(std::unique_ptr<Communicator> inner, StagingFunctions functions)
      : Decorator(*inner), owned_(std::move(inner)), on_(std::move(functions)) {}
  ~Staged() override;

  [[nodiscard]] std::string_view transport() const noexcept override { return "staged"; }
  [[nodiscard]] Request post(const Call& call) override;
  void wait(Request& request) override;
  void poll() override { poll_while_pending(!pending_.empty()); }

  /// Bytes of host memory held.
  [[nodiscard]] std::size_t held_bytes() const noexcept { return held_bytes_; }

 private:
  struct Buffer {
    std::byte* data = nullptr;
    std::size_t bytes = 0;
  };
  /// A pending call, and the copy to make when it is complete.
  struct PendingCall {
    Request request;
    CallRecord call;
    double posting_seconds = 0.0;
    Buffer sent, received;
    void* target = nullptr;  ///< on the device
    std::size_t target_bytes = 0;
  };

  [[nodiscard]] Buffer take(std::size_t bytes);
  void give_back(Buffer buffer);
  void to_host(const Buffer& buffer, const void* device, std::size_t bytes) const;
  Request stage(const Call& call, PendingCall& pending);

  std::unique_ptr<Communicator> owned_;
  StagingFunctions on_;
  PendingTable<PendingCall> pending_;
  std::vector<Buffer> free_;
  std::size_t held_bytes_ = 0;
};

}  // namespace tidemark::comm
