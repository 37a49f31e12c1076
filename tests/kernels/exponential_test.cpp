// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/exponential.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace tidemark::kernels {
namespace {

TEST(Exponential, AgreesWithTheMathLibrary) {
  double worst = 0.0;
  for (float x = -87.0F; x <= 88.0F; x += 1.0F / 1024.0F) {
    const double exact = std::exp(static_cast<double>(x));
    worst = std::fmax(worst, std::fabs(static_cast<double>(exponential(x)) / exact - 1.0));
  }
  EXPECT_LT(worst, 3e-7);
  EXPECT_EQ(exponential(0.0F), 1.0F);
  EXPECT_EQ(exponential(1.5), std::exp(1.5));
}

TEST(Exponential, KeepsToTheBoundsBeyondThem) {
  if (!runs_on_host) GTEST_SKIP() << "a device has its own function";
  for (const float beyond : {-87.5F, -1e4F, -1e37F, std::numeric_limits<float>::lowest()}) {
    EXPECT_EQ(exponential(beyond), exponential(-87.0F)) << beyond;
  }
  for (const float beyond : {88.5F, 1e4F, std::numeric_limits<float>::max()}) {
    EXPECT_EQ(exponential(beyond), exponential(88.0F)) << beyond;
  }
}

TEST(Exponential, OfWhatIsNotFiniteIsNotANumber) {
  if (!runs_on_host) GTEST_SKIP() << "a device has its own function";
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const float x : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_TRUE(std::isnan(exponential(x))) << x;
  }
}

}  // namespace
}  // namespace tidemark::kernels
