// SPDX-License-Identifier: BSD-3-Clause
// Series that are known to drift or known not to drift.
#include "bench/case/drift.hpp"

#include <cmath>
#include <cstddef>
#include <random>

#include <gtest/gtest.h>

namespace tidemark::bench {
namespace {

/// Steps of about 1, with noise of this correlation between neighbours, plus a ramp up to `rise`.
std::vector<double> series(std::size_t n, double rise, double correlation, std::mt19937& random) {
  std::normal_distribution<double> noise;
  std::vector<double> steps;
  double state = noise(random);
  for (std::size_t i = 0; i < n; ++i) {
    steps.push_back(1.0 + 0.02 * state + rise * static_cast<double>(i) / static_cast<double>(n));
    state = correlation * state + std::sqrt(1.0 - correlation * correlation) * noise(random);
  }
  return steps;
}

/// The share of many runs in which drift is reported.
double alarms(std::size_t n, double rise, double correlation = 0.0) {
  std::mt19937 random(13);
  constexpr int runs = 1000;
  int said = 0;
  for (int run = 0; run < runs; ++run) {
    if (drift_of(series(n, rise, correlation, random)).value().exceeds_noise) ++said;
  }
  return static_cast<double>(said) / runs;
}

TEST(Drift, IsTheDifferenceOfTheThirdsOverTheMedian) {
  // Compares the first three steps of eleven with the last three. The median of all is 12.
  const Drift drift =
      drift_of({10.0, 12.0, 10.0, 12.0, 11.0, 13.0, 12.0, 11.0, 15.0, 16.0, 14.0}).value();
  EXPECT_DOUBLE_EQ(drift.share, (15.0 - 10.0) / 12.0);
  EXPECT_TRUE(drift.exceeds_noise);
}

TEST(Drift, IsUnknownOfFewerThanSixSteps) {
  EXPECT_FALSE(drift_of({}).has_value());
  EXPECT_FALSE(drift_of({1.0, 2.0, 3.0, 4.0, 5.0}).has_value());
  EXPECT_TRUE(drift_of({1.0, 2.0, 3.0, 4.0, 5.0, 6.0}).has_value());
}

TEST(Drift, OfEqualStepsIsNone) {
  const Drift drift = drift_of(std::vector<double>(9, 3.0)).value();
  EXPECT_EQ(drift.share, 0.0);
  EXPECT_FALSE(drift.exceeds_noise);
}

TEST(Drift, GoesBothWays) {
  const std::vector<double> falling{12.0, 12.1, 12.0, 11.5, 11.5, 11.5, 11.0, 11.1, 11.0};
  EXPECT_LT(drift_of(falling).value().share, -0.05);
  EXPECT_TRUE(drift_of(falling).value().exceeds_noise);
}

// Drift of less than half a percent does not matter, even if it is well resolved.
TEST(Drift, TooSmallToMatterIsNotNamed) {
  std::vector<double> steps(30, 1.0);
  for (std::size_t i = 20; i < 30; ++i) steps[i] = 1.004;
  EXPECT_FALSE(drift_of(steps).value().exceeds_noise);
  for (std::size_t i = 20; i < 30; ++i) steps[i] = 1.006;
  EXPECT_TRUE(drift_of(steps).value().exceeds_noise);
}

TEST(Drift, OfSteadyNoiseIsNamedOnceInAHundredRunsAtMost) {
  for (const std::size_t n : {6, 7, 10, 20, 40, 100, 300}) {
    EXPECT_LE(alarms(n, 0.0), 0.015) << n;
  }
}

// Neighbours that resemble each other look like drift if there are few of them.
TEST(Drift, OfNoiseWithAMemoryIsNamedSeldomInLongRuns) {
  EXPECT_LE(alarms(20, 0.0, 0.5), 0.10);
  EXPECT_LE(alarms(100, 0.0, 0.5), 0.02);
  EXPECT_LE(alarms(300, 0.0, 0.8), 0.02);
}

// The steps rise by five times the noise, and by two and a half times the noise.
TEST(Drift, IsFound) {
  EXPECT_GE(alarms(20, 0.10), 0.7);
  EXPECT_GE(alarms(40, 0.10), 0.9);
  EXPECT_GE(alarms(100, 0.05), 0.7);
  EXPECT_GE(alarms(300, 0.05), 0.95);
}

// One step in ten is disturbed, which is not drift.
TEST(Drift, OfSpikesIsNone) {
  std::mt19937 random(17);
  int said = 0;
  for (int run = 0; run < 300; ++run) {
    std::vector<double> steps = series(30, 0.0, 0.0, random);
    for (double& step : steps) {
      if (random() % 10 == 0) step *= 2.0;
    }
    if (drift_of(steps).value().exceeds_noise) ++said;
  }
  EXPECT_LE(said, 4);
}

}  // namespace
}  // namespace tidemark::bench
