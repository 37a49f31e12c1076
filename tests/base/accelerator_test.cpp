// SPDX-License-Identifier: BSD-3-Clause
#include "base/accelerator.hpp"

#include <string>

#include <gtest/gtest.h>

#include "base/device.hpp"
#include "base/error.hpp"

namespace tidemark::accelerator {
namespace {

TEST(Accelerator, RanksOfANodeTakeItsDevicesInTurn) {
  EXPECT_EQ(device_of_rank(0, 4, 4), 0);
  EXPECT_EQ(device_of_rank(3, 4, 4), 3);
  EXPECT_EQ(device_of_rank(1, 2, 8), 1);
}

TEST(Accelerator, ARankThatIsShownOneDeviceTakesIt) {
  EXPECT_EQ(device_of_rank(3, 4, 1), 0);
  EXPECT_EQ(device_of_rank(0, 1, 1), 0);
}

TEST(Accelerator, MoreRanksThanDevicesAreRefused) {
  try {
    device_of_rank(1, 4, 2);
    FAIL();
  } catch (const RunError& error) {
    EXPECT_EQ(std::string(error.what()),
              "4 ranks on this node, but 2 devices: start one rank a device, or show each rank its "
              "own");
    EXPECT_EQ(error.status(), ExitStatus::failed);
  }
}

TEST(Accelerator, TwoRanksOnOneDeviceAreNamed) {
  EXPECT_EQ(describe_sharing({{"a", "GPU-1"}, {"a", "GPU-2"}, {"b", "GPU-1"}}), "");
  EXPECT_EQ(describe_sharing({{"a", ""}, {"a", ""}}), "");
  EXPECT_EQ(
      describe_sharing({{"a", "GPU-1"}, {"a", "GPU-2"}, {"a", "GPU-1"}}),
      "ranks 0 and 2 compute on the same device, GPU-1 of a: show each rank its own, or start "
      "fewer");
}

TEST(Accelerator, AHostIsNoDevice) {
  if (!runs_on_host) GTEST_SKIP() << "kernels run on a device";
  EXPECT_FALSE(count_visible().has_value());
  EXPECT_FALSE(memory().has_value());
  EXPECT_EQ(identity(), Identity{});
}

}  // namespace
}  // namespace tidemark::accelerator
