// SPDX-License-Identifier: BSD-3-Clause
// Slows another communicator down to the speed of a given link.
#pragma once

#include "base/link.hpp"
#include "comm/wrappers/decorator.hpp"
#include "comm/wrappers/pending_table.hpp"

namespace tidemark::comm {

/// Carries calls out by another communicator, and completes each call no earlier than the link
/// would. The calls of this rank use the link one after the other, in the order of posting. The two
/// directions of the link are independent. A call that takes longer on the other communicator keeps
/// its longer time. So the link can only be slower than the real one. Control operations are not
/// slowed down.
class EmulatedLink final : public Decorator {
 public:
  EmulatedLink(Communicator& inner, LinkModel link) : Decorator(inner), link_(link) {}

  [[nodiscard]] Request post(const Call& call) override;
  void wait(Request& request) override;
  void poll() override { poll_while_pending(!pending_.empty()); }

 private:
  struct PendingCall {
    Request request;                ///< of the other communicator
    CallRecord call;                ///< `completed` is when the link would have delivered it
    Clock::time_point handed_over;  ///< when the other communicator returned from posting
    bool carried_out = false;       ///< the call was complete by then
  };

  void wait_until(Clock::time_point due);

  LinkModel link_;
  Clock::time_point free_at_{};  ///< when the link has taken all posted calls
  PendingTable<PendingCall> pending_;
};

}  // namespace tidemark::comm
