// SPDX-License-Identifier: BSD-3-Clause
// The figures of one rank become those of all ranks.
#include <chrono>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "bench/gather.hpp"
#include "comm/mpi/mpi_communicator.hpp"

namespace tidemark::bench {
namespace {

using namespace std::chrono_literals;

class Gather : public ::testing::Test {
 protected:
  /// Differs by rank. If there are ranks between the first and the last one, one of them has the
  /// largest value.
  std::int64_t own(std::int64_t base) {
    constexpr std::int64_t offsets[] = {1, 3, 4, 2};
    return base + offsets[comm_.rank()];
  }
  std::int64_t highest(std::int64_t base) {
    return base + (comm_.size() == 1 ? 1 : comm_.size() == 2 ? 3 : 4);
  }
  comm::MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
};

TEST_F(Gather, TheLargestIsThatOfAnyRank) {
  EXPECT_EQ(largest(own(0), comm_), highest(0));
  EXPECT_EQ(largest(-own(0), comm_), -1);
  const std::int64_t terabytes = std::int64_t{5} << 40;
  EXPECT_EQ(largest(own(terabytes), comm_), highest(terabytes));
}

TEST_F(Gather, WhatOneRankKnowsCountsAndWhatNoneKnowsIsUnknown) {
  const bool first = comm_.rank() == 0;
  EXPECT_EQ(largest_known(first ? std::optional<std::int64_t>(0) : std::nullopt, comm_), 0);
  EXPECT_EQ(largest_known(std::nullopt, comm_), std::nullopt);
}

TEST_F(Gather, FiguresBecomeThoseOfTheLargestRankOneByOne) {
  MemoryFigures figures;
  figures.saved = own(1000);
  figures.saved_per_layer = own(500);
  figures.saved_of_ends = own(300);
  figures.norm_statistics = own(30);
  figures.peak = -own(-2000);  // the largest peak is not on the rank that saves most
  figures.pool = own(3000);
  figures.parameters = 77;  // equal on all ranks
  if (comm_.rank() == comm_.size() - 1) figures.process = 4000;
  take_largest(figures, comm_);
  EXPECT_EQ(figures.saved, highest(1000));
  EXPECT_EQ(figures.saved_per_layer, highest(500));
  EXPECT_EQ(figures.saved_of_ends, highest(300));
  EXPECT_EQ(figures.norm_statistics, highest(30));
  EXPECT_EQ(figures.peak, 1999);
  EXPECT_EQ(figures.pool, highest(3000));
  EXPECT_EQ(figures.parameters, 77);
  EXPECT_EQ(figures.process, 4000);
}

TEST_F(Gather, CallsAreThoseOfOneStepAndTheirTimesAreMeans) {
  comm::Counters counters;
  const double own_seconds = static_cast<double>(own(0));
  for (int step = 0; step < 2; ++step) {
    counters.add(comm::Operation::all_reduce, comm::Purpose::activation, comm_.size(), 1000,
                 own_seconds, own_seconds / 2.0);
  }
  const auto calls = mean_calls(counters, 2, comm_);
  if (comm_.size() == 1) {
    EXPECT_TRUE(calls.empty());
    return;
  }
  ASSERT_EQ(calls.size(), 1U);
  const double mean = comm_.size() == 2 ? 2.0 : 2.5;
  EXPECT_EQ(calls[0].count, 1);
  EXPECT_EQ(calls[0].message_bytes, 1000);
  EXPECT_EQ(calls[0].seconds, mean);
  EXPECT_EQ(calls[0].blocked_seconds, mean / 2.0);
  const double share = static_cast<double>(comm_.size() - 1) / comm_.size();
  EXPECT_DOUBLE_EQ(calls[0].busbw_gbytes_per_s.value(), 1000 / mean * 2.0 * share / 1e9);
}

TEST_F(Gather, DetailsOfEveryRankReachEveryRank) {
  const auto detail_of = [](int rank) {
    const bool knows = rank % 2 == 0;
    return RankDetail{"host" + std::string(static_cast<std::size_t>(rank), 'x'),
                      {"device " + std::to_string(rank), "uuid" + std::to_string(rank), "pci"},
                      rank + 8,
                      0.1 * rank,
                      0.2 * rank,
                      0.3 * rank,
                      100 + rank,
                      knows ? std::optional<std::int64_t>(rank) : std::nullopt,
                      0.4 * rank,
                      "cores of " + std::to_string(rank)};
  };
  const auto details = gather_details(detail_of(comm_.rank()), comm_);
  ASSERT_EQ(details.size(), static_cast<std::size_t>(comm_.size()));
  for (int rank = 0; rank < comm_.size(); ++rank) {
    const RankDetail& detail = details[static_cast<std::size_t>(rank)];
    const RankDetail expected = detail_of(rank);
    EXPECT_EQ(detail.host, expected.host);
    EXPECT_EQ(detail.device, expected.device);
    EXPECT_EQ(detail.threads, expected.threads);
    EXPECT_EQ(detail.step_ms, expected.step_ms);
    EXPECT_EQ(detail.blocked_ms, expected.blocked_ms);
    EXPECT_EQ(detail.gemm_gflops, expected.gemm_gflops);
    EXPECT_EQ(detail.peak_bytes, expected.peak_bytes);
    EXPECT_EQ(detail.process_bytes, expected.process_bytes);
    EXPECT_EQ(detail.busy_ms, expected.busy_ms);
    EXPECT_EQ(detail.cores, expected.cores);
  }
}

/// Its length grows with the rank, so the series of the ranks differ in length.
StepTrace trace_of(int rank) {
  StepTrace trace{0.5 + rank, 0.25 + rank, {}, {}};
  for (int i = 0; i < rank + 2; ++i) {
    trace.slices.push_back({TraceSlice::Track::comm, i == 0 ? "all_gather" : std::string(60, 'x'),
                            100 + rank, 0.125 * i, 0.25 * i});
  }
  for (int i = 0; i < 1 + 100 * rank; ++i) {
    const auto bytes = static_cast<std::size_t>(1000 * rank + i);
    trace.tide.changes.push_back({0.001 * i, {bytes, bytes + 1, bytes + 2, bytes + 3}});
  }
  trace.tide.turn = static_cast<std::size_t>(50 * rank);
  return trace;
}

TEST_F(Gather, TracesOfEveryRankReachEveryRank) {
  const auto traces = gather_traces(trace_of(comm_.rank()), comm_);
  ASSERT_EQ(traces.size(), static_cast<std::size_t>(comm_.size()));
  for (int rank = 0; rank < comm_.size(); ++rank) {
    const StepTrace& trace = traces[static_cast<std::size_t>(rank)];
    const StepTrace expected = trace_of(rank);
    EXPECT_EQ(trace.forward_seconds, expected.forward_seconds);
    EXPECT_EQ(trace.backward_seconds, expected.backward_seconds);
    EXPECT_EQ(trace.tide.turn, expected.tide.turn);
    ASSERT_EQ(trace.slices.size(), expected.slices.size());
    for (std::size_t i = 0; i < expected.slices.size(); ++i) {
      EXPECT_EQ(trace.slices[i].track, expected.slices[i].track);
      EXPECT_EQ(trace.slices[i].name, expected.slices[i].name.substr(0, 47));  // cut
      EXPECT_EQ(trace.slices[i].bytes, expected.slices[i].bytes);
      EXPECT_EQ(trace.slices[i].begin, expected.slices[i].begin);
      EXPECT_EQ(trace.slices[i].end, expected.slices[i].end);
    }
    ASSERT_EQ(trace.tide.changes.size(), expected.tide.changes.size());
    for (std::size_t i = 0; i < expected.tide.changes.size(); ++i) {
      EXPECT_EQ(trace.tide.changes[i].seconds, expected.tide.changes[i].seconds);
      EXPECT_EQ(trace.tide.changes[i].bytes, expected.tide.changes[i].bytes);
    }
  }
}

}  // namespace
}  // namespace tidemark::bench
