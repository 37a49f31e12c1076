// SPDX-License-Identifier: BSD-3-Clause
#include <vector>

#include <gtest/gtest.h>

#include "bench/verify/gradient_check.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "support/cases.hpp"

namespace tidemark::bench {
namespace {

using namespace std::chrono_literals;

TEST(GradientCheck, FindsBackwardToBeTheDerivativeOfForward) {
  comm::MpiCommunicator communicator(MPI_COMM_WORLD, 60s);
  Device device;
  // The check is always in fp64, because the precision of the case would hide every error.
  for (const config::Case& c : support::variants(communicator.size(), DType::bf16)) {
    const std::vector<Check> checks = check_gradients(c, device, communicator);
    ASSERT_EQ(checks.size(), 2);
    EXPECT_EQ(checks[0].where, c.model.has_ends() ? "embedding.weight.grad" : "input gradient");
    EXPECT_EQ(checks[1].name, "gradient_along_all_parameters");
    for (const Check& check : checks) {
      EXPECT_TRUE(check.passed()) << check.value << ", " << support::describe(c);
      // Differences are never exact: zero would mean that something was compared with itself.
      EXPECT_GT(check.value, 0.0);
    }
  }
}

// A check that fails a right computation for one seed in a hundred is worse than none.
TEST(GradientCheck, LeavesRoomBelowItsBoundForEverySeed) {
  comm::MpiCommunicator communicator(MPI_COMM_WORLD, 60s);
  Device device;
  for (config::Case c : {support::small_case(communicator.size(), false),
                         support::small_llama(communicator.size(), false)}) {
    for (c.bench.seed = 1; c.bench.seed <= 20; ++c.bench.seed) {
      for (const Check& check : check_gradients(c, device, communicator)) {
        EXPECT_LT(check.value, 2e-8) << check.name << ", " << support::describe(c);
      }
      for (const Check& check : check_gradients(support::with_ends(c), device, communicator)) {
        EXPECT_LT(check.value, 1e-7) << check.name << ", " << support::describe(c);
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::bench
