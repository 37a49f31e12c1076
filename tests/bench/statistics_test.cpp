#include "bench/statistics.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace tidemark::bench {
namespace {

TEST(Statistics, MedianIsTheMiddleOrTheMeanOfTheTwo) {
  EXPECT_EQ(median_of({3.0}), 3.0);
  EXPECT_EQ(median_of({9.0, 1.0, 5.0}), 5.0);
  EXPECT_EQ(median_of({9.0, 1.0, 5.0, 7.0}), 6.0);
  EXPECT_THROW((void)median_of({}), RunError);
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
