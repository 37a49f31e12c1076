// SPDX-License-Identifier: BSD-3-Clause
#include "comm/counters.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tidemark::comm {
namespace {

TEST(WireBytes, FollowTheTable) {
  EXPECT_EQ(wire_bytes(Operation::all_reduce, 4, 4096), 6144);
  EXPECT_EQ(wire_bytes(Operation::all_gather, 4, 4096), 3072);
  EXPECT_EQ(wire_bytes(Operation::reduce_scatter, 4, 4096), 3072);
  EXPECT_EQ(wire_bytes(Operation::all_reduce, 2, 4096), 4096);
  EXPECT_EQ(wire_bytes(Operation::all_gather, 1, 4096), 0);
  EXPECT_EQ(wire_bytes(Operation::all_reduce, 1, 4096), 0);
}

TEST(WireBytes, RoundDownOnce) {
  EXPECT_EQ(wire_bytes(Operation::all_reduce, 3, 20), 26);      // 2 · 2 · 20 / 3 = 26.7
  EXPECT_EQ(wire_bytes(Operation::reduce_scatter, 8, 12), 10);  // 7 · 12 / 8 = 10.5
  EXPECT_EQ(wire_bytes(Operation::all_reduce, 8, 0), 0);
}

TEST(WireBytes, LargeMessagesDoNotOverflow) {
  const std::int64_t large = std::int64_t{1} << 61;
  EXPECT_EQ(wire_bytes(Operation::all_reduce, 1024, large), 2 * (large / 1024) * 1023);
}

TEST(BusBandwidth, FollowsNcclTests) {
  CallStats stats;
  stats.message_bytes = 8'000'000'000;
  stats.seconds = 2.0;  // 4 GB/s by algorithm
  EXPECT_DOUBLE_EQ(busbw_gbytes_per_s(Operation::all_reduce, 4, stats).value(), 6.0);
  EXPECT_DOUBLE_EQ(busbw_gbytes_per_s(Operation::all_gather, 4, stats).value(), 3.0);
  EXPECT_DOUBLE_EQ(busbw_gbytes_per_s(Operation::reduce_scatter, 8, stats).value(), 3.5);
}

TEST(BusBandwidth, IsUnknownForOneRankOrNoTime) {
  CallStats stats;
  stats.message_bytes = 1000;
  EXPECT_FALSE(busbw_gbytes_per_s(Operation::all_reduce, 4, stats).has_value());
  stats.seconds = 1.0;
  EXPECT_FALSE(busbw_gbytes_per_s(Operation::all_reduce, 1, stats).has_value());
}

TEST(Counters, KeepOperationsAndPurposesApart) {
  Counters counters;
  counters.add(Operation::all_reduce, Purpose::activation, 2, 100, 0.5, 0.25);
  counters.add(Operation::all_reduce, Purpose::activation, 2, 20, 0.5, 0.5);
  counters.add(Operation::all_reduce, Purpose::gradient, 2, 7, 1.0, 0.0);
  counters.add(Operation::all_gather, Purpose::activation, 2, 50, 2.0, 1.0);

  const CallStats& reduced = counters.at(Operation::all_reduce, Purpose::activation);
  EXPECT_EQ(reduced.calls, 2);
  EXPECT_EQ(reduced.message_bytes, 120);
  EXPECT_EQ(reduced.wire_bytes, 120);
  EXPECT_DOUBLE_EQ(reduced.seconds, 1.0);
  EXPECT_DOUBLE_EQ(reduced.blocked_seconds, 0.75);
  EXPECT_EQ(counters.at(Operation::all_reduce, Purpose::gradient).message_bytes, 7);
  EXPECT_EQ(counters.at(Operation::all_gather, Purpose::activation).wire_bytes, 25);
  EXPECT_EQ(counters.at(Operation::reduce_scatter, Purpose::activation).calls, 0);

  const CallStats all = counters.total(Purpose::activation);
  EXPECT_EQ(all.calls, 3);
  EXPECT_EQ(all.message_bytes, 170);
  EXPECT_EQ(all.wire_bytes, 145);
  EXPECT_DOUBLE_EQ(all.seconds, 3.0);
  EXPECT_DOUBLE_EQ(all.blocked_seconds, 1.75);
}

TEST(Counters, SnapshotAndReset) {
  Counters counters;
  counters.add(Operation::all_gather, Purpose::activation, 4, 40, 0.5, 0.25);
  const Counters snapshot = counters;
  counters.add(Operation::all_gather, Purpose::activation, 4, 80, 1.0, 0.5);

  const CallStats later = counters.since(snapshot).at(Operation::all_gather, Purpose::activation);
  EXPECT_EQ(later.calls, 1);
  EXPECT_EQ(later.message_bytes, 80);
  EXPECT_EQ(later.wire_bytes, 60);
  EXPECT_DOUBLE_EQ(later.seconds, 1.0);
  EXPECT_DOUBLE_EQ(later.blocked_seconds, 0.5);

  counters.reset();
  EXPECT_EQ(counters.total(Purpose::activation).calls, 0);
  EXPECT_EQ(snapshot.total(Purpose::activation).calls, 1);
}

TEST(OperationNames, AreThoseOfTheRecords) {
  EXPECT_EQ(name_of(Operation::all_reduce), "all_reduce");
  EXPECT_EQ(name_of(Operation::all_gather), "all_gather");
  EXPECT_EQ(name_of(Operation::reduce_scatter), "reduce_scatter");
  EXPECT_EQ(name_of(Purpose::activation), "activation");
  EXPECT_EQ(name_of(Purpose::gradient), "gradient");
  // Error lines of the watchdog use only the pointer.
  for (const Operation operation : all_operations) {
    EXPECT_EQ(std::string(name_of(operation).data()), name_of(operation));
  }
}

}  // namespace
}  // namespace tidemark::comm
