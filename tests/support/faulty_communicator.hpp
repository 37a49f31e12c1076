// A communicator that goes wrong on purpose.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "comm/communicator.hpp"

namespace tidemark::support {

/// What happens to one collective on one rank.
enum class Fault { none, perturb, not_a_number, no_reduction };

/// Passes everything on, but spoils the result of the `at`-th collective of the step (from 0) on the
/// last rank. Buffers must be host memory.
class FaultyCommunicator final : public comm::Communicator {
 public:
  FaultyCommunicator(comm::Communicator& inner, Fault fault, int at)
      : inner_(inner), fault_(fault), at_(at) {}

  [[nodiscard]] int rank() const noexcept override { return inner_.rank(); }
  [[nodiscard]] int size() const noexcept override { return inner_.size(); }
  [[nodiscard]] std::string_view name() const noexcept override { return "faulty"; }

  comm::Request all_reduce(void* buffer, std::size_t count, DType dtype,
                           comm::Purpose purpose) override {
    if (strikes(Fault::no_reduction)) {
      std::vector<char> own(count * size_of(dtype));
      auto request = inner_.all_reduce(own.data(), count, dtype, purpose);
      inner_.wait(request);
      return request;
    }
    auto request = inner_.all_reduce(buffer, count, dtype, purpose);
    inner_.wait(request);
    spoil(buffer, count, dtype);
    return request;
  }
  comm::Request all_gather(const void* send, void* recv, std::size_t count, DType dtype,
                           comm::Purpose purpose) override {
    auto request = inner_.all_gather(send, recv, count, dtype, purpose);
    inner_.wait(request);
    spoil(recv, count, dtype);
    return request;
  }
  comm::Request reduce_scatter(const void* send, void* recv, std::size_t count, DType dtype,
                               comm::Purpose purpose) override {
    auto request = inner_.reduce_scatter(send, recv, count, dtype, purpose);
    inner_.wait(request);
    spoil(recv, count, dtype);
    return request;
  }
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

  [[nodiscard]] int calls() const { return calls_; }

 private:
  [[nodiscard]] bool is_victim() const { return rank() == size() - 1; }
  // Counts the call where it decides about it.
  bool strikes(Fault fault) {
    const bool now = fault_ == fault && calls_ == at_ && is_victim();
    calls_ += now ? 1 : 0;
    return now;
  }
  void spoil(void* buffer, std::size_t count, DType dtype) {
    const bool now = calls_++ == at_ && is_victim();
    if (!now || fault_ == Fault::none || fault_ == Fault::no_reduction) {
      return;
    }
    dtype == DType::fp64 ? spoil_first(static_cast<double*>(buffer), count)
                         : spoil_first(static_cast<float*>(buffer), count);
  }
  // More than one element: a single one may be dropped right after, and then it does no harm.
  template <class T>
  void spoil_first(T* values, std::size_t count) const {
    for (std::size_t i = 0; i < std::min<std::size_t>(count, 16); ++i) {
      values[i] = fault_ == Fault::perturb ? values[i] + T(0.25) : std::numeric_limits<T>::quiet_NaN();
    }
  }

  comm::Communicator& inner_;
  Fault fault_;
  int at_;
  int calls_ = 0;
};

}  // namespace tidemark::support
