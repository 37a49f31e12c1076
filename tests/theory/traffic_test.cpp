#include "theory/traffic.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "cases.hpp"

namespace tidemark::theory {
namespace {

using comm::Operation;
using comm::Purpose;
using testing::make_case;

void expect_traffic(const StepTraffic& traffic, Operation operation, Purpose purpose,
                    std::int64_t calls, std::int64_t message_bytes, std::int64_t wire_bytes) {
  EXPECT_EQ(traffic.operation, operation);
  EXPECT_EQ(traffic.purpose, purpose);
  EXPECT_EQ(traffic.calls, calls);
  EXPECT_EQ(traffic.message_bytes, message_bytes);
  EXPECT_EQ(traffic.wire_bytes, wire_bytes);
}

config::Case three_layers(std::int64_t t, bool sequence, bool keep_gathered = false) {
  config::Case c = make_case(8, 5, 16, 4, t, sequence);
  c.model.num_layers = 3;
  c.parallel.keep_gathered = keep_gathered;
  return c;
}

constexpr std::int64_t message = 8 * 5 * 16 * 4;  // s b h w in fp32: 2560

TEST(TrafficTheory, TensorParallelismAllReduces) {
  const auto traffic = step_traffic(three_layers(4, false));
  ASSERT_EQ(traffic.size(), 1U);
  expect_traffic(traffic[0], Operation::all_reduce, Purpose::activation, 12, 12 * message,
                 12 * 3840);  // 2 · 3/4 · 2560
}

TEST(TrafficTheory, SequenceParallelismGathersAndScatters) {
  const auto traffic = step_traffic(three_layers(4, true));
  ASSERT_EQ(traffic.size(), 3U);
  expect_traffic(traffic[0], Operation::all_gather, Purpose::activation, 18, 18 * message,
                 18 * 1920);  // 3/4 · 2560
  expect_traffic(traffic[1], Operation::reduce_scatter, Purpose::activation, 12, 12 * message,
                 12 * 1920);
  expect_traffic(traffic[2], Operation::all_reduce, Purpose::gradient, 1, 6 * 16 * 3 * 4, 1728);
}

TEST(TrafficTheory, KeptInputsAreNotGatheredAgain) {
  const auto traffic = step_traffic(three_layers(4, true, true));
  ASSERT_EQ(traffic.size(), 3U);
  expect_traffic(traffic[0], Operation::all_gather, Purpose::activation, 12, 12 * message,
                 12 * 1920);
  expect_traffic(traffic[1], Operation::reduce_scatter, Purpose::activation, 12, 12 * message,
                 12 * 1920);
  expect_traffic(traffic[2], Operation::all_reduce, Purpose::gradient, 1, 6 * 16 * 3 * 4, 1728);
}

TEST(TrafficTheory, EightUnitsOrTen) {
  for (const std::int64_t t : {2, 4}) {
    const std::int64_t unit = message / t * (t - 1);
    EXPECT_EQ(wire_bytes_per_step(three_layers(t, false), Purpose::activation), 3 * 8 * unit);
    EXPECT_EQ(wire_bytes_per_step(three_layers(t, true, true), Purpose::activation), 3 * 8 * unit);
    EXPECT_EQ(wire_bytes_per_step(three_layers(t, true), Purpose::activation), 3 * 10 * unit);
    EXPECT_EQ(wire_bytes_per_step(three_layers(t, false), Purpose::gradient), 0);
    EXPECT_EQ(wire_bytes_per_step(three_layers(t, true), Purpose::gradient),
              2 * (t - 1) * (6 * 16 * 3 * 4) / t);
  }
}

TEST(TrafficTheory, OneRankExchangesNothing) {
  EXPECT_TRUE(step_traffic(three_layers(1, false)).empty());
  EXPECT_TRUE(step_traffic(three_layers(1, true)).empty());
  EXPECT_EQ(wire_bytes_per_step(three_layers(1, true), Purpose::activation), 0);
}

TEST(TrafficTheory, ScalesWithTheElement) {
  const auto two = step_traffic(three_layers(2, true), 2);
  const auto eight = step_traffic(three_layers(2, true), 8);
  ASSERT_EQ(two.size(), eight.size());
  for (std::size_t i = 0; i < two.size(); ++i) {
    EXPECT_EQ(two[i].calls, eight[i].calls);
    EXPECT_EQ(4 * two[i].message_bytes, eight[i].message_bytes);
    EXPECT_EQ(4 * two[i].wire_bytes, eight[i].wire_bytes);
  }
}

TEST(TrafficTheory, RefusesWhatItCannotCount) {
  const std::int64_t huge = std::int64_t{1} << 31;
  EXPECT_THROW(step_traffic(make_case(huge, 1, huge, 16, 2)), RunError);
  EXPECT_THROW(step_traffic(make_case(1, 1, 16, 4, 3)), RunError);
}

}  // namespace
}  // namespace tidemark::theory
