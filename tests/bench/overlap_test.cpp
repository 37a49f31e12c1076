// SPDX-License-Identifier: BSD-3-Clause
// The formulas of overlap, on numbers for which the answer is known.
#include "bench/step/overlap.hpp"

#include <cstddef>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "bench/step/timeline.hpp"

namespace tidemark::bench {
namespace {

struct Times {
  double step, serial, compute_serial, compute, comm;
};

OverlapSamples constant(const Times& t, std::size_t n) {
  return {std::vector<double>(n, t.step), std::vector<double>(n, t.serial),
          std::vector<double>(n, t.compute_serial), std::vector<double>(n, t.compute),
          std::vector<double>(n, t.comm)};
}

/// Tuples of these times, with independent noise on each run.
OverlapSamples noisy(const Times& t, std::size_t n, double deviation, std::mt19937& random) {
  std::normal_distribution<double> noise(0.0, deviation);
  OverlapSamples samples = constant(t, n);
  for (auto* series : {&samples.step, &samples.serial, &samples.compute_serial, &samples.compute}) {
    for (double& value : *series) value += noise(random);
  }
  return samples;
}

// Serially, communication costs 150 - 90 = 60 ms, of which the schedule removed 150 - 110 = 40 ms.
// Of the 20 ms that are left, 10 are the cost of chunks, and 10 are exposed.
constexpr Times example{
    .step = 110.0, .serial = 150.0, .compute_serial = 90.0, .compute = 100.0, .comm = 50.0};

TEST(Overlap, IsTheShareOfTheCostOfCommunicationThatWentAway) {
  const OverlapFigures f = overlap_of(constant(example, 6));
  EXPECT_DOUBLE_EQ(f.efficiency.value(), 40.0 / 60.0);
  EXPECT_EQ(f.interval.value(), std::make_pair(40.0 / 60.0, 40.0 / 60.0));
  EXPECT_DOUBLE_EQ(f.serial_exposed_ms, 60.0);
  EXPECT_DOUBLE_EQ(f.exposed_ms, 10.0);
  EXPECT_DOUBLE_EQ(f.split_cost_ms, 10.0);
  EXPECT_DOUBLE_EQ(f.schedule_efficiency.value(), 1.0 - 10.0 / 50.0);
  EXPECT_DOUBLE_EQ(f.efficiency_max.value(), 1.0);
  EXPECT_DOUBLE_EQ(f.osu_percent.value(), 80.0);
  EXPECT_TRUE(f.is_meaningful);
  EXPECT_TRUE(f.is_resolved);
  EXPECT_FALSE(f.exceeds_max);
}

// The cost of cutting the kernels must not cancel out of the quotient.
TEST(Overlap, CountsWhatTheScheduleItselfCostsAgainstIt) {
  Times hidden = example;
  hidden.compute = hidden.step = 120.0;  // all is hidden behind kernels that got 30 ms slower
  const OverlapFigures f = overlap_of(constant(hidden, 6));
  EXPECT_DOUBLE_EQ(f.schedule_efficiency.value(), 1.0);
  EXPECT_DOUBLE_EQ(f.split_cost_ms, 30.0);
  EXPECT_DOUBLE_EQ(f.efficiency.value(), 0.5);
}

TEST(Overlap, IsZeroWhereSerialAndOneWherePerfectAndNegativeWhereItHurts) {
  for (const auto& [step, expected] : {std::pair{150.0, 0.0}, {90.0, 1.0}, {180.0, -0.5}}) {
    Times times = example;
    times.step = step;
    EXPECT_DOUBLE_EQ(overlap_of(constant(times, 3)).efficiency.value(), expected);
  }
}

// Differences are taken first, and then their medians. Here the medians of the series themselves
// would give (140 - 100) / (140 - 80).
TEST(Overlap, TakesDifferencesWithinATuple) {
  OverlapSamples samples;
  samples.step = {100.0, 90.0, 130.0};
  samples.serial = {110.0, 140.0, 150.0};        // serial - step: 10, 50, 20
  samples.compute_serial = {70.0, 80.0, 130.0};  // serial - compute_serial: 40, 60, 20
  samples.compute = {95.0, 85.0, 120.0};
  samples.comm = {50.0, 50.0, 50.0};
  const OverlapFigures f = overlap_of(samples);
  EXPECT_DOUBLE_EQ(f.efficiency.value(), 20.0 / 40.0);
  EXPECT_DOUBLE_EQ(f.split_cost_ms, 5.0);  // 25, 5, -10
  EXPECT_DOUBLE_EQ(f.exposed_ms, 5.0);     // 5, 5, 10
  EXPECT_DOUBLE_EQ(f.schedule_efficiency.value(),
                   1.0 - 5.0 / 30.0);  // serial - compute: 15, 55, 30
}

// There is more communication than computation. Serially, communication costs 80 ms. A step as long
// as the communication leaves 20 ms of these.
TEST(Overlap, OfMoreCommunicationThanComputationIsBounded) {
  Times times{
      .step = 125.0, .serial = 180.0, .compute_serial = 100.0, .compute = 102.0, .comm = 120.0};
  const OverlapFigures f = overlap_of(constant(times, 6));
  EXPECT_DOUBLE_EQ(f.efficiency_max.value(), 0.75);
  EXPECT_DOUBLE_EQ(f.efficiency.value(), 55.0 / 80.0);
  EXPECT_FALSE(f.exceeds_max);
  times.step = 105.0;
  EXPECT_TRUE(overlap_of(constant(times, 6)).exceeds_max);
  EXPECT_FALSE(overlap_of(constant(times, 5)).exceeds_max) << "too few tuples to accuse anything";
}

// Chunks that fit into a cache may be faster than whole products. This is a good schedule, not an
// error.
TEST(Overlap, MayExceedOneByWhatTheScheduleGained) {
  Times times{
      .step = 95.0, .serial = 150.0, .compute_serial = 100.0, .compute = 92.0, .comm = 50.0};
  const OverlapFigures f = overlap_of(constant(times, 6));
  EXPECT_DOUBLE_EQ(f.efficiency.value(), 1.1);
  EXPECT_DOUBLE_EQ(f.efficiency_max.value(), 1.0);
  EXPECT_DOUBLE_EQ(f.split_cost_ms, -8.0);
  EXPECT_FALSE(f.exceeds_max);
  times.step = 91.0;
  EXPECT_TRUE(overlap_of(constant(times, 6)).exceeds_max);
}

TEST(Overlap, OsuPercentIsNeverNegative) {
  Times times = example;
  times.step = 151.0;
  EXPECT_EQ(overlap_of(constant(times, 6)).osu_percent.value(), 0.0);
}

// Drift from tuple to tuple must not widen the interval of the efficiency.
TEST(Overlap, DriftCancelsWithinATuple) {
  OverlapSamples samples;
  for (const double drift : {0.0, 500.0, 30.0, 90.0, 210.0, 50.0}) {
    samples.step.push_back(110.0 + drift);
    samples.serial.push_back(150.0 + drift);
    samples.compute_serial.push_back(90.0 + drift);
    samples.compute.push_back(100.0 + drift);
    samples.comm.push_back(50.0);
  }
  const OverlapFigures f = overlap_of(samples);
  EXPECT_NEAR(f.efficiency.value(), 40.0 / 60.0, 1e-12);
  EXPECT_TRUE(f.is_resolved);
}

TEST(Overlap, IsResolvedFromSixTuplesOn) {
  EXPECT_FALSE(overlap_of(constant(example, 1)).is_resolved);
  EXPECT_FALSE(overlap_of(constant(example, 5)).is_resolved);
  EXPECT_TRUE(overlap_of(constant(example, 6)).is_resolved);
}

TEST(Overlap, IsNotResolvedWhereNoiseIsAsLargeAsWhatIsMeasured) {
  std::mt19937 random(1);
  const OverlapFigures f = overlap_of(noisy(example, 10, 20.0, random));
  EXPECT_FALSE(f.is_resolved);
  EXPECT_GT(f.interval->second - f.interval->first, 0.15);
}

/// How often the interval of an experiment with so many tuples contains the true value.
double coverage(std::size_t tuples) {
  std::mt19937 random(7);
  int covered = 0;
  constexpr int experiments = 200;
  for (int experiment = 0; experiment < experiments; ++experiment) {
    const auto [low, high] = overlap_of(noisy(example, tuples, 1.5, random)).interval.value();
    covered += low <= 40.0 / 60.0 && 40.0 / 60.0 <= high ? 1 : 0;
  }
  return static_cast<double>(covered) / experiments;
}

// With three tuples, the interval contains the true value in about 75 of 100 experiments, although
// it claims 90.
TEST(Overlap, IntervalCoversTheTruthAboutNinetyTimesInAHundredFromSixTuplesOn) {
  EXPECT_LT(coverage(3), 0.8);
  for (const std::size_t tuples : {std::size_t{6}, std::size_t{20}}) {
    EXPECT_GE(coverage(tuples), 0.82) << tuples;
    EXPECT_LE(coverage(tuples), 0.97) << tuples;
  }
}

TEST(Overlap, IsNotMeaningfulWhereThereIsNothingToHide) {
  const OverlapFigures f = overlap_of(constant(
      {.step = 100.0, .serial = 101.0, .compute_serial = 100.0, .compute = 100.0, .comm = 0.99},
      6));
  EXPECT_FALSE(f.is_meaningful);
  EXPECT_FALSE(f.efficiency.has_value());
  EXPECT_FALSE(f.schedule_efficiency.has_value());
  EXPECT_FALSE(f.is_resolved);
  Times free_of_cost = example;
  free_of_cost.compute_serial = 150.0;
  EXPECT_FALSE(overlap_of(constant(free_of_cost, 6)).efficiency.has_value());
  Times slow_chunks = example;
  slow_chunks.compute = 151.0;
  EXPECT_TRUE(overlap_of(constant(slow_chunks, 6)).efficiency.has_value());
  EXPECT_FALSE(overlap_of(constant(slow_chunks, 6)).schedule_efficiency.has_value());
  EXPECT_THROW((void)overlap_of({}), BrokenInvariant);
  OverlapSamples ragged = constant(example, 6);
  ragged.compute_serial.pop_back();
  EXPECT_THROW((void)overlap_of(ragged), BrokenInvariant);
}

TEST(Timeline, IntersectionCountsNothingTwice) {
  EXPECT_DOUBLE_EQ(intersection_length({{0.0, 2.0}, {1.0, 4.0}}, {{3.0, 5.0}, {0.5, 1.5}}), 2.0);
  EXPECT_DOUBLE_EQ(intersection_length({{0.0, 1.0}}, {{1.0, 2.0}}), 0.0);
  EXPECT_DOUBLE_EQ(intersection_length({}, {{1.0, 2.0}}), 0.0);
  EXPECT_DOUBLE_EQ(intersection_length({{0.0, 10.0}}, {{1.0, 2.0}, {4.0, 6.0}}), 3.0);
}

TEST(Timeline, SumsAreThoseOfTheLog) {
  using namespace std::chrono_literals;
  const comm::Clock::time_point zero{};
  StepLog log;
  log.kernels = {{"product", zero, zero + 4s}, {"norm", zero + 6s, zero + 7s}};
  log.comm.calls = {
      {comm::Operation::all_gather, comm::Purpose::activation, 8, zero + 1s, zero + 6500ms}};
  log.comm.occupied = {{comm::Operation::all_gather, false, zero + 4s, zero + 6s},
                       {comm::Operation::send_recv, true, zero + 7s, zero + 7500ms}};
  EXPECT_DOUBLE_EQ(occupied_seconds(log), 2.5);
  EXPECT_DOUBLE_EQ(overlapped_seconds(log), 3.5);
  const std::vector<TraceSlice> slices = slices_of(log, zero);
  ASSERT_EQ(slices.size(), 5U);
  EXPECT_EQ(slices[0].name, "product");
  EXPECT_EQ(slices[1].name, "all_gather");
  EXPECT_EQ(slices[1].bytes, 8);
  EXPECT_DOUBLE_EQ(slices[1].end, 6.5);
  EXPECT_EQ(slices[4].name, "poll");
}

}  // namespace
}  // namespace tidemark::bench
