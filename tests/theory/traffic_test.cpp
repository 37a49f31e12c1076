// SPDX-License-Identifier: BSD-3-Clause
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

config::Case with_ends(config::Case c) {
  c.model.vocab_size = 100;
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
  EXPECT_TRUE(step_traffic(with_ends(three_layers(1, true))).empty());
  EXPECT_EQ(wire_bytes_per_step(three_layers(1, true), Purpose::activation), 0);
}

constexpr std::int64_t loss = 3 * 8 * 5 * 4;  // three fp32 numbers per token, from a rank

TEST(TrafficTheory, EndsUnderTensorParallelism) {
  const auto traffic = step_traffic(with_ends(three_layers(4, false)));
  ASSERT_EQ(traffic.size(), 2U);
  expect_traffic(traffic[0], Operation::all_reduce, Purpose::activation, 14, 14 * message,
                 14 * 3840);
  // The data of the other three ranks cross the wire.
  expect_traffic(traffic[1], Operation::all_gather, Purpose::activation, 1, 4 * loss, 3 * loss);
}

TEST(TrafficTheory, EndsUnderSequenceParallelism) {
  for (const bool keep_gathered : {false, true}) {
    const auto traffic = step_traffic(with_ends(three_layers(4, true, keep_gathered)));
    ASSERT_EQ(traffic.size(), 3U);
    const std::int64_t gathers = keep_gathered ? 12 + 2 : 18 + 3;
    expect_traffic(traffic[0], Operation::all_gather, Purpose::activation, gathers + 1,
                   gathers * message + 4 * loss, gathers * 1920 + 3 * loss);
    expect_traffic(traffic[1], Operation::reduce_scatter, Purpose::activation, 14, 14 * message,
                   14 * 1920);
    // Six vectors of 16 elements per layer, and two of the final norm. 2 · 3/4 of them cross the
    // wire.
    expect_traffic(traffic[2], Operation::all_reduce, Purpose::gradient, 1, 20 * 16 * 4, 1920);
  }
}

TEST(TrafficTheory, FullRecomputationRunsTheForwardCollectivesAgain) {
  config::Case c = three_layers(4, false);
  c.recompute = config::Recompute::full;
  auto traffic = step_traffic(c);
  ASSERT_EQ(traffic.size(), 1U);
  expect_traffic(traffic[0], Operation::all_reduce, Purpose::activation, 18, 18 * message,
                 18 * 3840);
  for (const bool keep_gathered : {false, true}) {
    c = with_ends(three_layers(4, true, keep_gathered));
    c.recompute = config::Recompute::full;
    traffic = step_traffic(c);
    ASSERT_EQ(traffic.size(), 3U);
    const std::int64_t gathers = keep_gathered ? 18 + 2 : 24 + 3;
    expect_traffic(traffic[0], Operation::all_gather, Purpose::activation, gathers + 1,
                   gathers * message + 4 * loss, gathers * 1920 + 3 * loss);
    expect_traffic(traffic[1], Operation::reduce_scatter, Purpose::activation, 20, 20 * message,
                   20 * 1920);
    expect_traffic(traffic[2], Operation::all_reduce, Purpose::gradient, 1, 20 * 16 * 4, 1920);
  }
}

TEST(TrafficTheory, OtherWaysToSaveMemoryExchangeNothingMore) {
  config::Case c = with_ends(three_layers(2, true));
  const std::int64_t wire = wire_bytes_per_step(c, Purpose::activation);
  EXPECT_EQ(wire, (21 + 14) * message / 2 + loss);
  c.recompute = config::Recompute::selective;
  EXPECT_EQ(wire_bytes_per_step(c, Purpose::activation), wire);
  c.recompute = config::Recompute::none;
  c.model.attention = config::Attention::blocked;
  EXPECT_EQ(wire_bytes_per_step(c, Purpose::activation), wire);
}

TEST(TrafficTheory, GradientsAndTheLossTravelInTheAccumulationType) {
  config::Case c = with_ends(three_layers(2, true));
  struct Example {
    DType precision;
    std::int64_t activation_bytes, accumulation_bytes;
  };
  for (const auto& [precision, w, f] :
       {Example{DType::bf16, 2, 4}, Example{DType::fp32, 4, 4}, Example{DType::fp64, 8, 8}}) {
    c.precision = precision;
    const std::int64_t tensor = 8 * 5 * 16 * w;
    const auto traffic = step_traffic(c);
    ASSERT_EQ(traffic.size(), 3U);
    expect_traffic(traffic[0], Operation::all_gather, Purpose::activation, 22,
                   21 * tensor + 2 * 3 * 40 * f, 21 * tensor / 2 + 3 * 40 * f);
    expect_traffic(traffic[1], Operation::reduce_scatter, Purpose::activation, 14, 14 * tensor,
                   14 * tensor / 2);
    expect_traffic(traffic[2], Operation::all_reduce, Purpose::gradient, 1, 320 * f, 320 * f);
  }
}

TEST(TrafficTheory, RefusesWhatItCannotCount) {
  const std::int64_t huge = std::int64_t{1} << 31;
  EXPECT_THROW(step_traffic(make_case(huge, 1, huge, 16, 2)), RunError);
  EXPECT_THROW(step_traffic(make_case(1, 1, 16, 4, 3)), BrokenInvariant);
}

}  // namespace
}  // namespace tidemark::theory
