// SPDX-License-Identifier: BSD-3-Clause
// Intervals of a median contain the true value about as often as they claim, even if neighbouring
// steps resemble each other.
#include "bench/block_bootstrap.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "bench/statistics.hpp"

namespace tidemark::bench {
namespace {

constexpr double truth = 100.0;

/// Steps around a median of `truth`. Their logarithm is an AR(1) process with this correlation.
std::vector<double> series(std::size_t n, double correlation, std::mt19937& random) {
  std::normal_distribution<double> noise;
  std::vector<double> values;
  double state = noise(random);
  for (std::size_t i = 0; i < n; ++i) {
    values.push_back(truth * std::exp(0.02 * state));
    state = correlation * state + std::sqrt(1.0 - correlation * correlation) * noise(random);
  }
  return values;
}

struct Outcome {
  double coverage = 0.0;
  double width = 0.0;  ///< mean, as a share of the truth
};

Outcome outcome(std::size_t n, double correlation) {
  std::mt19937 random(11);
  constexpr int experiments = 200;
  Outcome sum;
  for (int experiment = 0; experiment < experiments; ++experiment) {
    const auto [low, high] = median_interval(series(n, correlation, random)).value();
    if (low <= truth && truth <= high) sum.coverage += 1.0 / experiments;
    sum.width += (high - low) / truth / experiments;
  }
  return sum;
}

TEST(MedianInterval, CoversTheTruthOfIndependentSteps) {
  for (const std::size_t n : {3, 6, 10, 30, 100}) {
    EXPECT_GE(outcome(n, 0.0).coverage, 0.84) << n;
  }
  for (const std::size_t n : {30, 100}) {
    EXPECT_LE(outcome(n, 0.0).coverage, 0.96) << n << ": wider than it need be";
  }
}

// Here an interval for independent steps would contain the true value only half as often.
TEST(MedianInterval, CoversTheTruthOfStepsThatResembleTheirNeighbours) {
  for (const std::size_t n : {10, 30, 100, 300}) {
    EXPECT_GE(outcome(n, 0.5).coverage, 0.79) << n;
  }
  for (const std::size_t n : {100, 300}) {
    EXPECT_GE(outcome(n, 0.8).coverage, 0.77) << n;
    EXPECT_GT(outcome(n, 0.8).width, 2.0 * outcome(n, 0.0).width) << n;
  }
}

TEST(MedianInterval, NarrowsAsStepsAreAdded) {
  EXPECT_LT(outcome(100, 0.0).width, 0.5 * outcome(10, 0.0).width);
  EXPECT_LT(outcome(100, 0.0).width, 0.012);  // 2 * 1.645 * 1.25 * 0.02 / 10 is 0.008
}

TEST(MedianInterval, IsOnePointWhereAllStepsAreEqual) {
  EXPECT_EQ(median_interval({4.0, 4.0, 4.0, 4.0}).value(), std::make_pair(4.0, 4.0));
}

TEST(MedianInterval, IsAboutTheMedianAndTheSameEachTime) {
  std::mt19937 random(3);
  const std::vector<double> values = series(40, 0.3, random);
  const auto [low, high] = median_interval(values).value();
  EXPECT_NEAR(std::sqrt(low * high), median_of(values), 1e-9);
  EXPECT_EQ(median_interval(values), median_interval(values));
}

TEST(MedianInterval, IsUnknownOfFewerThanThree) {
  EXPECT_FALSE(median_interval({}).has_value());
  EXPECT_FALSE(median_interval({1.0, 2.0}).has_value());
  EXPECT_TRUE(median_interval({1.0, 2.0, 3.0}).has_value());
  EXPECT_THROW((void)median_interval({1.0, 0.0, 3.0}), BrokenInvariant);
}

TEST(BlockLength, GrowsWithTheSeriesAndWithItsMemory) {
  std::mt19937 random(5);
  EXPECT_EQ(block_length({1.0, 3.0, 2.0}), 1U);
  EXPECT_EQ(block_length(std::vector<double>(27, 1.0)), 3U);
  EXPECT_EQ(block_length(series(1000, 0.0, random)), 10U);
  EXPECT_GT(block_length(series(1000, 0.8, random)), 20U);
  std::vector<double> ramp;
  for (int i = 0; i < 30; ++i) ramp.push_back(1.0 + i);
  EXPECT_EQ(block_length(ramp), 10U) << "three blocks are left";
  EXPECT_THROW((void)block_length({1.0, 2.0}), BrokenInvariant);
}

// The expected values are from tables of Student's t.
TEST(StudentT, IsThatOfTheTables) {
  for (const auto& [degrees, expected] : {std::pair{2.0, 2.920},
                                          {3.0, 2.353},
                                          {5.0, 2.015},
                                          {10.0, 1.812},
                                          {30.0, 1.697},
                                          {1e9, 1.645}}) {
    EXPECT_NEAR(student_t_95(degrees), expected, 0.005 * expected) << degrees;
  }
}

}  // namespace
}  // namespace tidemark::bench
