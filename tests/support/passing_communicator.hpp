// A communicator that passes everything on: the base of those that interfere.
#pragma once

#include <string_view>

#include "comm/decorator.hpp"

namespace tidemark::support {

class PassingCommunicator : public comm::Decorator {
 public:
  using Decorator::Decorator;

  [[nodiscard]] std::string_view name() const noexcept override { return "passing"; }

  comm::Request all_reduce(void* buffer, std::size_t count, DType dtype,
                           comm::Purpose purpose) override {
    return inner_.all_reduce(buffer, count, dtype, purpose);
  }
  comm::Request all_gather(const void* send, void* recv, std::size_t count, DType dtype,
                           comm::Purpose purpose) override {
    return inner_.all_gather(send, recv, count, dtype, purpose);
  }
  comm::Request reduce_scatter(const void* send, void* recv, std::size_t count, DType dtype,
                               comm::Purpose purpose) override {
    return inner_.reduce_scatter(send, recv, count, dtype, purpose);
  }
  comm::Request exchange(const void* send, int to, void* recv, int from, std::size_t count,
                         DType dtype, comm::Purpose purpose) override {
    return inner_.exchange(send, to, recv, from, count, dtype, purpose);
  }
  void wait(comm::Request& request) override { inner_.wait(request); }

  // The books are those of the one that does the work.
  [[nodiscard]] const comm::Counters& counters() const noexcept override {
    return inner_.counters();
  }
  void attach(comm::CallLog* log) noexcept override { inner_.attach(log); }
};

}  // namespace tidemark::support
