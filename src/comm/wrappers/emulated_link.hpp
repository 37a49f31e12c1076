// Another communicator, slowed down to what a given link would allow.
#pragma once

#include <cstdint>
#include <map>

#include "base/link.hpp"
#include "comm/wrappers/decorator.hpp"

namespace tidemark::comm {

/// Carries calls out by another communicator, and completes each no earlier than the link would:
/// the calls of this rank follow each other on it, in the order in which they are posted, each way
/// independently. What the other one takes longer for, takes longer: a link can be made slower than
/// the real one, not faster. Control operations are not slowed down.
class EmulatedLink final : public Decorator {
 public:
  EmulatedLink(Communicator& inner, LinkModel link) : Decorator(inner), link_(link) {}

  [[nodiscard]] Request post(const Call& call) override;
  void wait(Request& request) override;
  void poll() override;

 private:
  struct PendingCall {
    Request request;                ///< of the other communicator
    CallRecord call;                ///< `completed` is when the link would have delivered it
    Clock::time_point handed_over;  ///< when the other one was done with posting
    bool carried_out = false;       ///< the other one was done with all of it by then
  };

  void wait_until(Clock::time_point due);

  LinkModel link_;
  Clock::time_point free_at_{};  ///< when the link has taken in all that was posted
  std::uint64_t next_ticket_ = 1;
  std::map<std::uint64_t, PendingCall> pending_;
};

}  // namespace tidemark::comm
