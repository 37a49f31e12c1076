// SPDX-License-Identifier: BSD-3-Clause
// A link that is slower than the real one, and collectives that are left out.
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_communicator.hpp"
#include "comm/wrappers/emulated_link.hpp"
#include "comm/wrappers/silent.hpp"

namespace tidemark::comm {
namespace {

using namespace std::chrono_literals;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class EmulatedLinks : public ::testing::Test {
 protected:
  MpiCommunicator real_{MPI_COMM_WORLD, 60s};
  std::vector<float> values_ = std::vector<float>(12000, 1.0F);  // 48 kB
};

TEST_F(EmulatedLinks, TakeLatencyAndWireBytesOverBandwidth) {
  EmulatedLink link(real_, {5000.0, 0.01});  // 5 ms, 10 MB/s
  const Clock::time_point begin = Clock::now();
  Request request =
      link.all_reduce(values_.data(), values_.size(), DType::fp32, Purpose::activation);
  EXPECT_TRUE(request.pending());
  link.wait(request);
  const double wire = static_cast<double>(wire_bytes(Operation::all_reduce, real_.size(), 48000));
  EXPECT_GE(seconds_since(begin), 5e-3 + wire / 1e7);
  EXPECT_EQ(values_[0], static_cast<float>(real_.size()));
  const CallStats& stats = link.counters().at(Operation::all_reduce, Purpose::activation);
  EXPECT_EQ(stats.calls, 1);
  EXPECT_GE(stats.seconds, 5e-3 + wire / 1e7);
}

// The calls follow each other on the wire, but their latencies pass together.
TEST_F(EmulatedLinks, CallsUnderWayShareTheBandwidth) {
  EmulatedLink link(real_, {3000.0, 0.01});
  std::vector<float> others = values_;
  std::vector<float> gathered(6000 * static_cast<std::size_t>(real_.size()));
  const Clock::time_point begin = Clock::now();
  Request first = link.all_reduce(values_.data(), 12000, DType::fp32, Purpose::activation);
  Request second =
      link.all_gather(others.data(), gathered.data(), 6000, DType::fp32, Purpose::activation);
  link.wait(first);
  link.wait(second);
  const double wire =
      static_cast<double>(wire_bytes(Operation::all_reduce, real_.size(), 48000) +
                          wire_bytes(Operation::all_gather, real_.size(), 24000 * real_.size()));
  EXPECT_GE(seconds_since(begin), 3e-3 + wire / 1e7);
}

// Time that passes during other work need not be waited for.
TEST_F(EmulatedLinks, TimeThatHasPassedIsNotWaitedForAgain) {
  EmulatedLink link(real_, {20000.0, 0.0});
  Request request = link.exchange(
      values_.data(), (real_.rank() + 1) % real_.size(), values_.data() + 6000,
      (real_.rank() + real_.size() - 1) % real_.size(), 6000, DType::fp32, Purpose::activation);
  const Clock::time_point begin = Clock::now();
  while (seconds_since(begin) < 0.03) {
    link.poll();
    std::this_thread::sleep_for(1ms);
  }
  link.wait(request);
  const CallStats& stats = link.counters().at(Operation::send_recv, Purpose::activation);
  EXPECT_GE(stats.seconds, 20e-3);
  EXPECT_LT(stats.blocked_seconds, 0.9 * stats.seconds);
}

TEST_F(EmulatedLinks, LeaveControlOperationsAlone) {
  EmulatedLink link(real_, {1e6, 0.0});  // one second per call
  const Clock::time_point begin = Clock::now();
  std::vector<double> ranks{static_cast<double>(link.rank())};
  link.barrier();
  link.max_over_ranks(ranks);
  EXPECT_EQ(ranks[0], real_.size() - 1);
  EXPECT_LT(seconds_since(begin), 1.0);
}

TEST_F(EmulatedLinks, SilentCollectivesMoveNothingAndLeaveNumbersInPlace) {
  SilentCommunicator silent(real_, sum_on_host);
  const auto t = static_cast<std::size_t>(real_.size());
  std::vector<float> own(100, static_cast<float>(real_.rank() + 1));
  std::vector<float> whole(100 * t, -7.0F);
  Request request =
      silent.all_gather(own.data(), whole.data(), 100, DType::fp32, Purpose::activation);
  EXPECT_FALSE(request.pending());
  for (const float value : whole) EXPECT_EQ(value, own[0]);
  std::vector<float> block(100, -7.0F);
  request =
      silent.reduce_scatter(whole.data(), block.data(), 100, DType::fp32, Purpose::activation);
  EXPECT_EQ(block, own);
  request = silent.exchange(own.data(), 0, block.data(), 0, 100, DType::fp32, Purpose::activation);
  EXPECT_EQ(block, own);
  request = silent.all_reduce(own.data(), 100, DType::fp32, Purpose::activation);
  silent.wait(request);
  EXPECT_EQ(own, block);
  EXPECT_GT(silent.replacing_seconds(), 0.0);
  EXPECT_EQ(silent.counters().total(Purpose::activation).calls, 0);
  EXPECT_EQ(real_.counters().total(Purpose::activation).calls, 0);
}

}  // namespace
}  // namespace tidemark::comm
