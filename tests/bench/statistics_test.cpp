// SPDX-License-Identifier: BSD-3-Clause
#include "bench/statistics.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace tidemark::bench {
namespace {

TEST(Statistics, MedianIsTheMiddleOrTheMeanOfTheTwo) {
  EXPECT_EQ(median_of({3.0}), 3.0);
  EXPECT_EQ(median_of({9.0, 1.0, 5.0}), 5.0);
  EXPECT_EQ(median_of({9.0, 1.0, 5.0, 7.0}), 6.0);
  EXPECT_THROW((void)median_of({}), BrokenInvariant);
}

TEST(Statistics, LowMedianIsTheLowerOfTheTwo) {
  EXPECT_EQ(low_median_of({3.0}), 3.0);
  EXPECT_EQ(low_median_of({9.0, 1.0, 5.0}), 5.0);
  EXPECT_EQ(low_median_of({9.0, 1.0, 5.0, 7.0}), 5.0);
  EXPECT_THROW((void)low_median_of({}), BrokenInvariant);
}

TEST(Statistics, TheFirstSeriesStaysUnlessAnotherIsFasterAlmostAlways) {
  const std::vector<double> first{10.0, 11.0, 12.0, 13.0, 14.0};
  EXPECT_EQ(surely_fastest({first}), 0U);
  EXPECT_EQ(surely_fastest({first, first}), 0U);
  // The second one is faster in three rounds of five, and by its median. This may be chance.
  EXPECT_EQ(surely_fastest({first, {9.0, 9.0, 9.0, 13.5, 14.5}}), 0U);
  EXPECT_EQ(surely_fastest({first, {9.0, 9.0, 9.0, 9.0, 99.0}}), 1U);
  EXPECT_EQ(surely_fastest({first, {9.5, 10.0, 11.0, 12.0, 13.0}, {9.0, 9.0, 9.0, 9.0, 99.0}}), 2U);
  EXPECT_THROW((void)surely_fastest({first, {1.0}}), BrokenInvariant);
}

TEST(Statistics, SummaryKeepsTheOrderMeasured) {
  const Summary summary = summarize({2.0, 8.0, 4.0});
  EXPECT_EQ(summary.median, 4.0);
  EXPECT_EQ(summary.min, 2.0);
  EXPECT_EQ(summary.max, 8.0);
  EXPECT_EQ(summary.samples, (std::vector<double>{2.0, 8.0, 4.0}));
}

}  // namespace
}  // namespace tidemark::bench
