// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/register_loop.hpp"

#include <gtest/gtest.h>

#include "base/device.hpp"

namespace tidemark::kernels {
namespace {

// Registers have 16, 32 or 64 bytes. There are 12 chains on every thread.
TEST(RegisterLoop, CountsTwoOperationsPerLaneAndChain) {
  if (!has_register_loop(DType::fp32)) GTEST_SKIP() << "no loop for this processor";
  const double threads = Kokkos::DefaultHostExecutionSpace().concurrency();
  constexpr std::int64_t rounds = 10;
  const double lanes = run_register_loop(DType::fp32, rounds) / (2.0 * 12.0 * rounds * threads);
  EXPECT_TRUE(lanes == 4.0 || lanes == 8.0 || lanes == 16.0) << lanes;
  EXPECT_EQ(run_register_loop(DType::fp64, rounds), lanes / 2.0 * 2.0 * 12.0 * rounds * threads);
  EXPECT_EQ(run_register_loop(DType::fp32, 3 * rounds),
            3.0 * run_register_loop(DType::fp32, rounds));
}

TEST(RegisterLoop, OfBf16HasAtLeastTheOperationsOfFp32) {
  if (!has_register_loop(DType::bf16)) {
    EXPECT_EQ(run_register_loop(DType::bf16, 10), 0.0);
    return;
  }
  EXPECT_GE(run_register_loop(DType::bf16, 10), run_register_loop(DType::fp32, 10));
}

}  // namespace
}  // namespace tidemark::kernels
