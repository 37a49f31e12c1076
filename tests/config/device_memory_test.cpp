// SPDX-License-Identifier: BSD-3-Clause
#include "config/device_memory.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "config/refusal.hpp"

namespace tidemark::config {
namespace {

TEST(DeviceMemory, IsWhatDriversReport) {
  EXPECT_EQ(device_named("h100-80gb").bytes, std::int64_t{81559} << 20);
  EXPECT_EQ(device_named("a100-80gb").bytes, std::int64_t{80} << 30);
  // The number in a product's name counts 10^9 bytes. No driver reports a size that differs by a
  // tenth.
  std::set<std::string> names;
  for (const KnownDevice& device : known_devices()) {
    const std::string name(device.name);
    EXPECT_TRUE(names.insert(name).second) << name;
    const double named = std::stod(name.substr(name.rfind('-') + 1)) * 1e9;
    EXPECT_NEAR(static_cast<double>(device.bytes) / named, 1.03, 0.08) << name;
  }
}

TEST(DeviceMemory, OfAnUnknownOneIsRefusedWithTheNames) {
  const std::string line = testing::refusal([] { (void)device_named("h100"); });
  EXPECT_EQ(line.rfind("command line: --device: h100 is unknown; expected one of t4-16gb, ", 0), 0U)
      << line;
}

}  // namespace
}  // namespace tidemark::config
