// A communicator that passes everything on: the base of those that interfere.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comm/communicator.hpp"

namespace tidemark::support {

class PassingCommunicator : public comm::Communicator {
 public:
  explicit PassingCommunicator(comm::Communicator& inner) : inner_(inner) {}

  [[nodiscard]] int rank() const noexcept override { return inner_.rank(); }
  [[nodiscard]] int size() const noexcept override { return inner_.size(); }
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
  void set_overlapping(bool overlapping) override { inner_.set_overlapping(overlapping); }
  void wait(comm::Request& request) override { inner_.wait(request); }
  void poll() override { inner_.poll(); }
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
  [[nodiscard]] const comm::Counters& counters() const noexcept override {
    return inner_.counters();
  }
  void reset_counters() noexcept override { inner_.reset_counters(); }

 protected:
  comm::Communicator& inner_;
};

}  // namespace tidemark::support
