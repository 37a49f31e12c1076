// SPDX-License-Identifier: BSD-3-Clause
// Equal steps have equal digests, on memory that holds NaN wherever there is no activation.
#include <chrono>
#include <limits>

#include <gtest/gtest.h>

#include "bench/step/step.hpp"
#include "bench/step/step_digest.hpp"
#include "bench/verify/checked_step.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "support/cases.hpp"

namespace tidemark::bench {
namespace {

using namespace std::chrono_literals;

class StepDigests : public ::testing::Test {
 protected:
  template <class T>
  StepDigest digest_of_step(model::Stack<T>& stack) {
    StepDigest digest;
    run_step<T>(stack, {}, nullptr, &digest);
    return digest;
  }
  Device device_;
  comm::MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
};

TEST_F(StepDigests, EqualStepsAreEqualToTheBitAndOtherDataIsSeen) {
  for (const config::Case& c : support::variants(comm_.size(), DType::fp32)) {
    memory::Pool pool;
    memory::Ledger ledger(pool);
    model::Stack<float> stack(c, device_, ledger, comm_);
    const StepDigest first = digest_of_step(stack);
    stack.draw_data_with(99);
    EXPECT_FALSE(difference_between(first, digest_of_step(stack), true, 0.0).empty())
        << support::describe(c);
    stack.draw_data_with(static_cast<std::uint32_t>(c.bench.seed));
    // Everything that a step reads before it has written it is NaN now.
    fill_free_memory_with_nan(device_, ledger);
    EXPECT_EQ(difference_between(first, digest_of_step(stack), true, 0.0), "")
        << support::describe(c);
  }
}

TEST_F(StepDigests, TheCheckedStepLeavesThatOfATimedStep) {
  for (const bool sequence : {false, true}) {
    const config::Case c = support::small_case(comm_.size(), sequence, DType::bf16);
    memory::Pool pool;
    memory::Ledger ledger(pool);
    model::Stack<bfloat16> stack(c, device_, ledger, comm_);
    const CheckedStep checked = run_checked_step(stack);
    EXPECT_EQ(difference_between(checked.digest, digest_of_step(stack), true, 0.0), "");
    EXPECT_EQ(&stack.context().communicator, &comm_);
    EXPECT_EQ(device_.product_check, nullptr);
  }
}

TensorDigest digest_with(double sum) { return {1, {sum, 100.0}, 10000}; }

TEST(StepDigestsByChecksum, DifferBeyondWhatRoundingExplains) {
  const auto difference = [](double sum, double loss) {
    const StepDigest a{digest_with(1.0), digest_with(1.0), digest_with(1.0), 2.0};
    const StepDigest b{digest_with(1.0), digest_with(1.0), digest_with(sum), loss};
    return difference_between(a, b, false, 1e-5);
  };
  // 6 x 1e-5 x 100 / sqrt(10000) = 6e-5
  EXPECT_EQ(difference(1.0 + 5.9e-5, 2.0), "");
  EXPECT_EQ(difference(1.0 + 6.1e-5, 2.0), "parameter gradients");
  EXPECT_EQ(difference(std::numeric_limits<double>::quiet_NaN(), 2.0), "parameter gradients");
  EXPECT_EQ(difference(1.0, 2.0 + 1e-5), "");
  EXPECT_EQ(difference(1.0, 2.0 + 3e-5), "loss");
}

}  // namespace
}  // namespace tidemark::bench
