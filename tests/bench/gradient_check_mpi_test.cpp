#include "bench/gradient_check.hpp"

#include <gtest/gtest.h>

#include "comm/mpi.hpp"
#include "support/cases.hpp"

namespace tidemark::bench {
namespace {

using namespace std::chrono_literals;

TEST(GradientCheck, FindsBackwardToBeTheDerivativeOfForward) {
  comm::MpiCommunicator communicator(MPI_COMM_WORLD, 60s);
  Device device;
  for (const config::Case& c : support::variants(communicator.size(), DType::fp32)) {
    const Check check = check_gradient(c, device, communicator);
    EXPECT_TRUE(check.passed()) << check.value;
    // Differences are never exact: zero would mean that something was compared with itself.
    EXPECT_GT(check.value, 0.0);
  }
}

}  // namespace
}  // namespace tidemark::bench
