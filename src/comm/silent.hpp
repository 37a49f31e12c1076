// The collectives left out, for measuring what is left of a step.
#pragma once

#include "comm/decorator.hpp"
#include "comm/sums.hpp"

namespace tidemark::comm {

/// Every collective is complete when it is posted, and nothing moves between ranks. What others
/// would have sent is replaced by this rank's own values, so that the kernels that follow meet
/// numbers of the usual size (a product of denormals may be slow on a host); the time of that is
/// kept apart. Where `sum` is leave_alone, they meet what earlier steps left in the memory.
/// Nothing is counted. Control operations work as ever.
class SilentCommunicator final : public Decorator {
 public:
  SilentCommunicator(Communicator& inner, SumFunction sum) : Decorator(inner), sum_(sum) {}

  [[nodiscard]] Request all_reduce(void*, std::size_t, DType, Purpose) override { return {}; }
  [[nodiscard]] Request all_gather(const void* send, void* recv, std::size_t count_per_rank,
                                   DType dtype, Purpose) override {
    auto* block = static_cast<std::byte*>(recv);
    for (int rank = 0; rank < size(); ++rank) {
      copy(send, block, count_per_rank, dtype);
      block += count_per_rank * size_of(dtype);
    }
    return {};
  }
  [[nodiscard]] Request reduce_scatter(const void* send, void* recv, std::size_t count_per_rank,
                                       DType dtype, Purpose) override {
    const std::size_t offset = static_cast<std::size_t>(rank()) * count_per_rank * size_of(dtype);
    copy(static_cast<const std::byte*>(send) + offset, recv, count_per_rank, dtype);
    return {};
  }
  [[nodiscard]] Request exchange(const void* send, int, void* recv, int, std::size_t count,
                                 DType dtype, Purpose) override {
    copy(send, recv, count, dtype);
    return {};
  }
  void wait(Request&) override {}
  void poll() override {}

  /// Seconds spent on the replacements so far.
  [[nodiscard]] double replacing_seconds() const noexcept { return replacing_seconds_; }

 private:
  void copy(const void* from, void* to, std::size_t count, DType dtype) {
    const Clock::time_point begin = Clock::now();
    const std::array terms{from};
    sum_(dtype, to, terms, count);
    replacing_seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
  }

  SumFunction sum_;
  double replacing_seconds_ = 0.0;
};

}  // namespace tidemark::comm
