// SPDX-License-Identifier: BSD-3-Clause
#include "theory/device_peak.hpp"

#include <gtest/gtest.h>

namespace tidemark::theory {
namespace {

struct Published {
  DeviceClock device;
  double fp64, fp32, tf32, bf16;  ///< dense TFLOP/s
};

// The vendor's data sheets round to three digits.
TEST(DevicePeak, IsThePublishedDenseRate) {
  const Published devices[] = {{{8, 0, 108, 1410.0}, 19.5, 19.5, 156.0, 312.0},
                               {{9, 0, 132, 1830.0}, 61.8, 61.8, 494.7, 989.4},
                               {{9, 0, 132, 1980.0}, 66.9, 66.9, 535.0, 1070.0}};
  for (const Published& device : devices) {
    config::Case c;
    const auto expect = [&](double tflops) {
      EXPECT_NEAR(device_peak_gflops(device.device, c).value() * 1e-3, tflops, 0.005 * tflops);
    };
    c.precision = DType::fp64;
    expect(device.fp64);
    c.precision = DType::fp32;
    expect(device.fp32);
    c.tensor_float = true;
    expect(device.tf32);
    c.tensor_float = false;
    c.precision = DType::bf16;
    expect(device.bf16);
  }
}

TEST(DevicePeak, IsUnknownForDevicesWithoutARow) {
  EXPECT_FALSE(device_peak_gflops({7, 0, 80, 1530.0}, {}).has_value());
  EXPECT_FALSE(device_peak_gflops({12, 0, 188, 2600.0}, {}).has_value());
}

}  // namespace
}  // namespace tidemark::theory
