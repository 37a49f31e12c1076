// The formulas of overlap, on numbers of which the answer is known.
#include "bench/overlap.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.hpp"
#include "bench/timeline.hpp"

namespace tidemark::bench {
namespace {

OverlapSamples constant(double step, double serial, double compute, double comm, std::size_t n) {
  return {std::vector<double>(n, step), std::vector<double>(n, serial),
          std::vector<double>(n, compute), std::vector<double>(n, comm)};
}

TEST(Overlap, IsTheShareOfWhatCouldBeHiddenThatWas) {
  const OverlapFigures f = overlap_of(constant(110.0, 140.0, 100.0, 50.0, 5));
  EXPECT_DOUBLE_EQ(f.exposed_ms, 10.0);
  EXPECT_DOUBLE_EQ(f.serial_exposed_ms, 40.0);
  EXPECT_DOUBLE_EQ(f.efficiency.value(), 0.75);
  EXPECT_DOUBLE_EQ(f.efficiency_max.value(), 1.0);
  EXPECT_DOUBLE_EQ(f.osu_percent.value(), 80.0);
  EXPECT_EQ(f.interval.value(), std::make_pair(0.75, 0.75));
  EXPECT_TRUE(f.is_meaningful);
  EXPECT_TRUE(f.is_resolved);
  EXPECT_FALSE(f.exceeds_max);
}

TEST(Overlap, IsZeroWhereSerialAndOneWherePerfectAndNegativeWhereItHurts) {
  EXPECT_DOUBLE_EQ(overlap_of(constant(140.0, 140.0, 100.0, 50.0, 3)).efficiency.value(), 0.0);
  EXPECT_DOUBLE_EQ(overlap_of(constant(100.0, 140.0, 100.0, 50.0, 3)).efficiency.value(), 1.0);
  EXPECT_DOUBLE_EQ(overlap_of(constant(160.0, 140.0, 100.0, 50.0, 3)).efficiency.value(), -0.5);
}

// More communication than there is to hide it behind: of 80 ms exposed serially, 60 can go.
TEST(Overlap, OfMoreCommunicationThanComputationIsBounded) {
  const OverlapFigures f = overlap_of(constant(125.0, 180.0, 100.0, 120.0, 4));
  EXPECT_DOUBLE_EQ(f.efficiency_max.value(), 0.75);
  EXPECT_DOUBLE_EQ(f.efficiency.value(), 1.0 - 25.0 / 80.0);
  EXPECT_FALSE(f.exceeds_max);
  EXPECT_TRUE(overlap_of(constant(105.0, 180.0, 100.0, 120.0, 4)).exceeds_max);
}

// Drift from quadruple to quadruple is no spread of the efficiency.
TEST(Overlap, DriftCancelsWithinAQuadruple) {
  OverlapSamples samples;
  for (const double drift : {0.0, 500.0, 30.0, 90.0, 210.0}) {
    samples.step.push_back(110.0 + drift);
    samples.serial.push_back(140.0 + drift);
    samples.compute.push_back(100.0 + drift);
    samples.comm.push_back(50.0);
  }
  const OverlapFigures f = overlap_of(samples);
  EXPECT_NEAR(f.efficiency.value(), 0.75, 1e-12);
  EXPECT_TRUE(f.is_resolved);
}

TEST(Overlap, IsNotResolvedWhereNoiseIsAsLargeAsWhatIsMeasured) {
  std::mt19937 random(1);
  std::normal_distribution<double> noise(0.0, 20.0);
  OverlapSamples samples;
  for (int i = 0; i < 10; ++i) {
    samples.step.push_back(110.0 + noise(random));
    samples.serial.push_back(140.0 + noise(random));
    samples.compute.push_back(100.0 + noise(random));
    samples.comm.push_back(50.0);
  }
  const OverlapFigures f = overlap_of(samples);
  EXPECT_FALSE(f.is_resolved);
  EXPECT_GT(f.interval->second - f.interval->first, 0.15);
}

// The interval of many experiments covers the truth about as often as it says.
TEST(Overlap, IntervalCoversTheTruthNinetyTimesInAHundred) {
  std::mt19937 random(7);
  std::normal_distribution<double> noise(0.0, 1.5);
  int covered = 0;
  constexpr int experiments = 150;
  for (int experiment = 0; experiment < experiments; ++experiment) {
    OverlapSamples samples;
    for (int i = 0; i < 20; ++i) {
      samples.step.push_back(110.0 + noise(random));
      samples.serial.push_back(140.0 + noise(random));
      samples.compute.push_back(100.0 + noise(random));
      samples.comm.push_back(50.0);
    }
    const auto [low, high] = overlap_of(samples).interval.value();
    covered += low <= 0.75 && 0.75 <= high ? 1 : 0;
  }
  EXPECT_GT(covered, experiments * 8 / 10);
  EXPECT_LT(covered, experiments);
}

TEST(Overlap, IsNotMeaningfulWhereThereIsNothingToHide) {
  const OverlapFigures f = overlap_of(constant(100.0, 101.0, 100.0, 0.99, 5));
  EXPECT_FALSE(f.is_meaningful);
  EXPECT_FALSE(f.efficiency.has_value());
  EXPECT_FALSE(overlap_of(constant(100.0, 99.0, 100.0, 20.0, 5)).efficiency.has_value());
  EXPECT_THROW((void)overlap_of({}), RunError);
  EXPECT_FALSE(overlap_of(constant(110.0, 140.0, 100.0, 50.0, 2)).is_resolved);
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
