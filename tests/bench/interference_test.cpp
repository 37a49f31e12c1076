// SPDX-License-Identifier: BSD-3-Clause
// Memory that bypasses the ledger and tensors that outlive their step are found, with their names.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "bench/step/step.hpp"
#include "comm/wrappers/self.hpp"
#include "memory/allocations.hpp"
#include "support/cases.hpp"
#include "support/passing_communicator.hpp"

namespace tidemark::bench {
namespace {

/// Does something else, too, in every all-reduce.
class MeddlingCommunicator final : public support::PassingCommunicator {
 public:
  using Deed = std::function<void()>;
  MeddlingCommunicator(comm::Communicator& inner, Deed deed)
      : PassingCommunicator(inner), deed_(std::move(deed)) {}

  comm::Request post(const comm::Call& call) override {
    if (call.operation == comm::Operation::all_reduce) deed_();
    return inner_.post(call);
  }

 private:
  Deed deed_;
};

class Interference : public ::testing::Test {
 protected:
  static std::string error_of(model::Stack<float>& stack) {
    try {
      run_step(stack);
    } catch (const RunError& error) {
      return error.what();
    }
    return "";
  }
  config::Case case_ = support::small_case(1, false, DType::fp32);
  Device device_;
  memory::Pool pool_;
  memory::Ledger ledger_{pool_};
  comm::SelfCommunicator alone_;
};

TEST_F(Interference, AHiddenAllocationIsCountedAndNamed) {
  bool allocates = false;
  MeddlingCommunicator meddling(alone_, [&] {
    if (allocates) const Kokkos::View<float*, MemorySpace> hidden("staging buffer", 10);
  });
  model::Stack<float> stack(case_, device_, ledger_, meddling);
  run_step(stack);
  for (const bool now : {false, true}) {
    allocates = now;
    const memory::AllocationWatch watch;
    run_step(stack);
    EXPECT_EQ(watch.count(), now ? 2 * 4 : 0);  // layers, times the all-reduces of each
    EXPECT_EQ(watch.first(), now ? "staging buffer" : "");
  }
}

// The step that the tensor outlives is refused, and so is the next one. No figure of either can be
// trusted.
TEST_F(Interference, ATensorThatOutlivesItsStepIsNamed) {
  std::vector<memory::Tensor<float>> kept;
  MeddlingCommunicator meddling(alone_, [&] {
    if (kept.empty()) {
      kept.push_back(ledger_.tensor<float>("keepsake", 1, memory::TensorClass::workspace, 3, 5));
    }
  });
  model::Stack<float> stack(case_, device_, ledger_, meddling);
  for (int step = 0; step < 2; ++step) {
    const std::string message = error_of(stack);
    EXPECT_NE(message.find("1 activations are live"), std::string::npos) << message;
    EXPECT_NE(message.find("'keepsake' of layer 1"), std::string::npos) << message;
    EXPECT_NE(message.find(step == 0 ? "after the step" : "before the step"), std::string::npos);
  }
  kept.clear();
  kept.emplace_back();  // nothing more is kept
  EXPECT_EQ(error_of(stack), "");
}

}  // namespace
}  // namespace tidemark::bench
