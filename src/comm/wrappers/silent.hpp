// SPDX-License-Identifier: BSD-3-Clause
// Leaves the collectives out, to measure the rest of a step.
#pragma once

#include "comm/algorithms/sums.hpp"
#include "comm/buffers.hpp"
#include "comm/wrappers/decorator.hpp"

namespace tidemark::comm {

/// Every collective is complete when it is posted, and no data move between ranks. This rank's own
/// values replace those of other ranks. So later kernels get numbers of the usual size; products of
/// denormals may be slow on a host. The seconds of these copies are counted apart. If `sum` is
/// leave_alone, the memory keeps the values of earlier steps. Collectives are not counted. Control
/// operations work as usual.
class SilentCommunicator final : public Decorator {
 public:
  SilentCommunicator(Communicator& inner, SumFunction sum) : Decorator(inner), sum_(sum) {}

  [[nodiscard]] Request post(const Call& call) override {
    switch (call.operation) {
      case Operation::all_reduce:
        break;
      case Operation::all_gather:
        for (int rank = 0; rank < size(); ++rank) {
          copy(call.send, const_cast<void*>(block_of(call.recv, call.block_bytes(), rank)), call);
        }
        break;
      case Operation::reduce_scatter:
        copy(block_of(call.send, call.block_bytes(), rank()), call.recv, call);
        break;
      case Operation::send_recv:
        copy(call.send, call.recv, call);
        break;
    }
    return {};
  }
  void wait(Request&) override {}
  void poll() override {}

  /// Seconds spent on the replacements so far.
  [[nodiscard]] double replacing_seconds() const noexcept { return replacing_seconds_; }

 private:
  void copy(const void* from, void* to, const Call& call) {
    const Clock::time_point begin = Clock::now();
    const std::array terms{from};
    sum_(call.dtype, to, terms, call.count);
    replacing_seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
  }

  SumFunction sum_;
  double replacing_seconds_ = 0.0;
};

}  // namespace tidemark::comm
