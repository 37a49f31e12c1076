// A communicator that goes wrong on purpose.
#pragma once

#include <cstddef>
#include <cstring>
#include <limits>
#include <vector>

#include "support/passing_communicator.hpp"

namespace tidemark::support {

/// What happens to one collective on one rank. `no_exchange`: the others get what they should, but
/// the victim's result is made from its own data alone.
enum class Fault { none, perturb, not_a_number, no_exchange };

/// Passes everything on, but spoils the result of the `at`-th collective of the step (from 0) on
/// the `victim`, by default the last rank; `shift` is what a perturbed element is off by. Buffers
/// must be host memory.
class FaultyCommunicator final : public PassingCommunicator {
 public:
  FaultyCommunicator(comm::Communicator& inner, Fault fault, int at)
      : FaultyCommunicator(inner, fault, at, inner.size() - 1) {}
  FaultyCommunicator(comm::Communicator& inner, Fault fault, int at, int victim,
                     double shift = 0.25)
      : PassingCommunicator(inner), fault_(fault), at_(at), victim_(victim), shift_(shift) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "faulty"; }

  comm::Request all_reduce(void* buffer, std::size_t count, DType dtype,
                           comm::Purpose purpose) override {
    const std::size_t bytes = count * size_of(dtype);
    const auto* begin = static_cast<const std::byte*>(buffer);
    const std::vector<std::byte> own(begin, begin + bytes);
    auto request = inner_.all_reduce(buffer, count, dtype, purpose);
    inner_.wait(request);
    spoil(buffer, count, dtype, [&] { std::memcpy(buffer, own.data(), bytes); });
    return request;
  }
  comm::Request all_gather(const void* send, void* recv, std::size_t count, DType dtype,
                           comm::Purpose purpose) override {
    const std::size_t bytes = count * size_of(dtype);
    auto request = inner_.all_gather(send, recv, count, dtype, purpose);
    inner_.wait(request);
    spoil(recv, count, dtype, [&] {
      auto* whole = static_cast<std::byte*>(recv);
      for (int other = 0; other < size(); ++other) {
        if (other != rank()) std::memset(whole + static_cast<std::size_t>(other) * bytes, 0, bytes);
      }
    });
    return request;
  }
  comm::Request reduce_scatter(const void* send, void* recv, std::size_t count, DType dtype,
                               comm::Purpose purpose) override {
    const std::size_t bytes = count * size_of(dtype);
    auto request = inner_.reduce_scatter(send, recv, count, dtype, purpose);
    inner_.wait(request);
    const auto* block =
        static_cast<const std::byte*>(send) + static_cast<std::size_t>(rank()) * bytes;
    spoil(recv, count, dtype, [&] { std::memcpy(recv, block, bytes); });
    return request;
  }

  comm::Request exchange(const void* send, int to, void* recv, int from, std::size_t count,
                         DType dtype, comm::Purpose purpose) override {
    auto request = inner_.exchange(send, to, recv, from, count, dtype, purpose);
    inner_.wait(request);
    spoil(recv, count, dtype, [&] { std::memset(recv, 0, count * size_of(dtype)); });
    return request;
  }

  [[nodiscard]] int calls() const { return calls_; }

 private:
  template <class Undo>
  void spoil(void* buffer, std::size_t count, DType dtype, const Undo& undo_exchange) {
    const bool now = calls_++ == at_ && rank() == victim_;
    if (!now || fault_ == Fault::none) return;
    if (fault_ == Fault::no_exchange) {
      undo_exchange();
      return;
    }
    with_scalar_of(dtype,
                   [&](auto scalar) { spoil_some(static_cast<decltype(scalar)*>(buffer), count); });
  }
  // Elements of several tokens: what a single one does may be dropped right after, all of it.
  template <class T>
  void spoil_some(T* values, std::size_t count) const {
    constexpr std::size_t number = 16;
    for (std::size_t i = 0; i < number; ++i) {
      T& value = values[i * count / number];
      value = static_cast<T>(fault_ == Fault::perturb ? static_cast<double>(value) + shift_
                                                      : std::numeric_limits<double>::quiet_NaN());
    }
  }

  Fault fault_;
  int at_;
  int victim_;
  double shift_;
  int calls_ = 0;
};

}  // namespace tidemark::support
