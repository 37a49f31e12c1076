// SPDX-License-Identifier: BSD-3-Clause
// A communicator that makes planted faults.
#pragma once

#include <cstddef>
#include <cstring>
#include <limits>
#include <vector>

#include "comm/buffers.hpp"
#include "support/passing_communicator.hpp"

namespace tidemark::support {

/// What happens to one collective on one rank. `no_exchange`: the other ranks get the right data,
/// but the victim's result is made from its own data alone.
enum class Fault { none, perturb, not_a_number, no_exchange };

/// Passes everything on, but spoils the result of the `at`-th collective of the step (from 0) on
/// the `victim`, by default the last rank. `shift` is added to a perturbed element. Buffers must be
/// host memory.
class FaultyCommunicator final : public PassingCommunicator {
 public:
  FaultyCommunicator(comm::Communicator& inner, Fault fault, int at)
      : FaultyCommunicator(inner, fault, at, inner.size() - 1) {}
  FaultyCommunicator(comm::Communicator& inner, Fault fault, int at, int victim,
                     double shift = 0.25)
      : PassingCommunicator(inner), fault_(fault), at_(at), victim_(victim), shift_(shift) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "faulty"; }

  comm::Request post(const comm::Call& call) override {
    const std::size_t bytes = call.block_bytes();
    std::vector<std::byte> own;  // an all-reduce overwrites this
    if (call.operation == comm::Operation::all_reduce) {
      const auto* begin = static_cast<const std::byte*>(call.recv);
      own.assign(begin, begin + bytes);
    }
    auto request = inner_.post(call);
    inner_.wait(request);
    spoil(call, [&] { undo(call, own); });
    return request;
  }

  [[nodiscard]] int calls() const { return calls_; }

 private:
  /// Reduces the result to what this rank had by itself.
  void undo(const comm::Call& call, const std::vector<std::byte>& own) const {
    const std::size_t bytes = call.block_bytes();
    auto* const result = static_cast<std::byte*>(call.recv);
    switch (call.operation) {
      case comm::Operation::all_reduce:
        std::memcpy(result, own.data(), bytes);
        break;
      case comm::Operation::all_gather:
        for (int other = 0; other < size(); ++other) {
          if (other == rank()) continue;
          std::memset(result + static_cast<std::size_t>(other) * bytes, 0, bytes);
        }
        break;
      case comm::Operation::reduce_scatter:
        std::memcpy(result, comm::block_of(call.send, bytes, rank()), bytes);
        break;
      case comm::Operation::send_recv:
        std::memset(result, 0, bytes);
        break;
    }
  }
  template <class Undo>
  void spoil(const comm::Call& call, const Undo& undo_exchange) {
    const bool now = calls_++ == at_ && rank() == victim_;
    if (!now || fault_ == Fault::none) return;
    if (fault_ == Fault::no_exchange) {
      undo_exchange();
      return;
    }
    with_scalar_of(call.dtype, [&](auto scalar) {
      spoil_some(static_cast<decltype(scalar)*>(call.recv), call.count);
    });
  }
  // Spoils elements of several tokens, because the effect of a single one may be dropped right
  // after.
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
