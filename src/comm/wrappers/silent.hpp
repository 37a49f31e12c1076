// The collectives left out, for measuring what is left of a step.
#pragma once

#include "comm/algorithms/sums.hpp"
#include "comm/buffers.hpp"
#include "comm/wrappers/decorator.hpp"

namespace tidemark::comm {

/// Every collective is complete when it is posted, and nothing moves between ranks. What others
/// would have sent is replaced by this rank's own values, so that the kernels that follow meet
/// numbers of the usual size (a product of denormals may be slow on a host); the time of that is
/// kept apart. Where `sum` is leave_alone, they meet what earlier steps left in the memory.
/// Nothing is counted. Control operations work as ever.
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
