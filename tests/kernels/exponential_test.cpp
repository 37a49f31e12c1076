// SPDX-License-Identifier: BSD-3-Clause
// The exponential as kernels have it: cross_entropy_forward takes exp(x - 0) / 1 of each logit. Its
// file is built with fast-math, and this one is not.
#include "kernels/exponential.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/cross_entropy.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// exp of each number, in a kernel.
std::vector<float> exponentials_of(const std::vector<float>& numbers) {
  Device device;
  const auto count = static_cast<std::int64_t>(numbers.size());
  support::Table<float> logits(1, count);
  logits.values = numbers;
  support::Table<float> statistics(1, loss_statistics);
  statistics.values = {0.0F, 1.0F, 0.0F};  // the highest logit is 0, and the sum is 1
  const support::DeviceTable<float> x(logits), of_all(statistics);
  cross_entropy_forward<float>(device, {0, count}, 1, of_all.view(), x.view());
  device.fence();
  return x.read().values;
}

TEST(Exponential, AgreesWithTheMathLibrary) {
  std::vector<float> numbers;
  for (float x = -87.0F; x <= 88.0F; x += 1.0F / 512.0F) numbers.push_back(x);
  const std::vector<float> results = exponentials_of(numbers);
  double worst = 0.0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double exact = std::exp(static_cast<double>(numbers[i]));
    worst = std::fmax(worst, std::fabs(static_cast<double>(results[i]) / exact - 1.0));
  }
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  EXPECT_LT(worst, 4e-7);
#else
  EXPECT_LT(worst, 5e-6);
#endif
  EXPECT_EQ(exponential(1.5), std::exp(1.5));
}

TEST(Exponential, IsZeroFarBelowAndBoundedFarAbove) {
  if (!runs_on_host) GTEST_SKIP() << "a device has its own function";
  for (const float result : exponentials_of({-88.0F, -1e4F, -1e37F, -3e38F})) {
    EXPECT_EQ(result, 0.0F);
  }
  const float highest = exponentials_of({88.0F})[0];
  for (const float result : exponentials_of({88.5F, 1e4F, 3e38F})) EXPECT_EQ(result, highest);
}

// In a row as long as a vector and in a short one, which take other code.
TEST(Exponential, OfWhatIsNotFiniteIsNotANumber) {
  if (!runs_on_host) GTEST_SKIP() << "a device has its own function";
  for (const float x : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
    for (const std::size_t count : {std::size_t{1}, std::size_t{64}}) {
      for (const float result : exponentials_of(std::vector<float>(count, x))) {
        EXPECT_TRUE(std::isnan(result)) << x << " of " << count;
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::kernels
