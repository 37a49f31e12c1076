// SPDX-License-Identifier: BSD-3-Clause
// The NCCL communicator on the doubles: who waits for whom, and the times that are counted and
// logged.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "comm/nccl/nccl_communicator.hpp"
#include "doubles/compute.hpp"
#include "doubles/nccl_fixture.hpp"

namespace tidemark::comm {
namespace {

using doubles::Buffer;
using std::chrono::milliseconds;

constexpr Purpose purpose = Purpose::activation;

TEST_F(Nccl, TheHostWaitsForNothingButAFence) {
  std::atomic<bool> is_open{false};
  const Buffer<float> buffer(100);
  compute_.launch([&] {
    while (!is_open) std::this_thread::sleep_for(milliseconds(1));
  });
  fill(buffer);
  // All of it waits for a kernel that ends only after the lines below.
  Request request = comm().all_reduce(buffer.data(), 100, DType::fp32, purpose);
  comm().poll();
  comm().wait(request);
  EXPECT_FALSE(request.pending());
  is_open = true;
  EXPECT_EQ(seen(buffer)[0], static_cast<float>(total(0)));
}

TEST_F(Nccl, CallsOfOneStepOverlapWithKernelsInAnyOrderOfWaiting) {
  constexpr std::size_t count = 2000;
  constexpr int rounds = 20;
  const Buffer<float> a(count);
  const Buffer<float> b(count);
  for (int round = 0; round < rounds; ++round) {
    fill(a);
    Request first = comm().all_reduce(a.data(), count, DType::fp32, purpose);
    fill(b);  // concurrently with the first call
    Request second = comm().all_reduce(b.data(), count, DType::fp32, purpose);
    Request* const order[] = {&first, &second};
    comm().wait(*order[round % 2]);
    comm().wait(*order[1 - round % 2]);
    compute_.launch([&] {
      for (std::size_t i = 0; i < count; ++i) a[i] += b[i];
    });
  }
  const std::vector<float> values = seen(a);
  for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(values[i], 2.0F * static_cast<float>(total(i)));
}

TEST_F(Nccl, ARequestThatNobodyWaitedForIsWaitedForWhenItDies) {
  const Buffer<float> buffer(100);
  fill(buffer);
  { const Request request = comm().all_reduce(buffer.data(), 100, DType::fp32, purpose); }
  EXPECT_EQ(seen(buffer)[0], static_cast<float>(total(0)));
  EXPECT_EQ(comm().counters().at(Operation::all_reduce, purpose).calls, 1);
}

// Other programs use the machine, too. The comparisons of these two tests do not depend on its
// speed.

TEST_F(Nccl, BlockedIsTheTimeInWhichTheComputeStreamStood) {
  if (ranks() == 1) GTEST_SKIP() << "nobody to wait for";
  const Buffer<float> buffer(100);
  std::atomic<bool> is_there{false};
  const auto reduce = [&] {
    compute_.launch([&] { is_there = true; });
    finish(comm().all_reduce(buffer.data(), 100, DType::fp32, purpose));
  };
  // The others come after rank 0 has been blocked for a while.
  if (rank() == 0) {
    reduce();
    while (!is_there) std::this_thread::sleep_for(milliseconds(1));
    std::this_thread::sleep_for(milliseconds(20));
  }
  comm().barrier();
  if (rank() != 0) {
    std::this_thread::sleep_for(milliseconds(100));
    reduce();
  }
  const CallStats late = comm().counters().at(Operation::all_reduce, purpose);
  if (rank() == 0) {
    EXPECT_GE(late.blocked_seconds, 0.1);
  }
  EXPECT_GE(late.seconds, late.blocked_seconds);
}

TEST_F(Nccl, ACallThatIsCompleteWhenItIsWaitedForBlocksNobody) {
  const Buffer<float> buffer(100);
  std::atomic<bool> is_open{false};
  CallLog log;
  comm().attach(&log);
  Request request = comm().all_reduce(buffer.data(), 100, DType::fp32, purpose);
  compute_.launch([&] {
    while (!is_open) std::this_thread::sleep_for(milliseconds(1));
  });
  comm().wait(request);
  comm().barrier();
  std::this_thread::sleep_for(milliseconds(200));  // enough for the call, except rarely
  const Clock::time_point opened = Clock::now();
  is_open = true;
  comm().attach(nullptr);
  const CallStats hidden = comm().counters().at(Operation::all_reduce, purpose);
  ASSERT_EQ(log.calls.size(), 1U);
  if (log.calls[0].completed > opened - milliseconds(40)) GTEST_SKIP() << "it was too slow";
  EXPECT_EQ(hidden.blocked_seconds, 0.0);
  EXPECT_GT(hidden.seconds, 0.0);
  EXPECT_TRUE(log.occupied.empty());
}

TEST_F(Nccl, TheLogHasTheCallsOfItsTimeOnTheHostsClock) {
  const Buffer<float> buffer(100);
  const auto call = [&] {
    compute_.sleep(milliseconds(rank() == 0 ? 5 : 30));  // the others mostly come late
    finish(comm().all_reduce(buffer.data(), 100, DType::fp32, purpose));
  };
  call();
  CallLog log;
  const Counters before = comm().counters();
  comm().attach(&log);
  const Clock::time_point begin = Clock::now();
  call();
  call();
  comm().attach(nullptr);
  const Clock::time_point end = Clock::now();
  const Counters logged = comm().counters().since(before);
  call();
  EXPECT_EQ(comm().counters().at(Operation::all_reduce, purpose).calls, 4);
  ASSERT_EQ(log.calls.size(), 2U);
  // The anchor between the clocks is read on a machine that other programs use, too.
  constexpr auto slack = milliseconds(40);
  Clock::time_point last = begin - slack;
  double blocked = 0.0;
  for (const CallRecord& record : log.calls) {
    EXPECT_EQ(record.message_bytes, 400);
    EXPECT_LE(last, record.posted);
    EXPECT_LE(record.posted, record.completed);
    last = record.completed;
  }
  EXPECT_LE(last, end + slack);
  EXPECT_GE(log.calls[1].posted - log.calls[0].completed, milliseconds(4));
  for (const OccupiedRecord& stay : log.occupied) {
    EXPECT_FALSE(stay.is_polling);
    EXPECT_LT(stay.begin, stay.end);
    blocked += std::chrono::duration<double>(stay.end - stay.begin).count();
  }
  EXPECT_LE(log.occupied.size(), 2U);
  EXPECT_NEAR(blocked, logged.at(Operation::all_reduce, purpose).blocked_seconds, 1e-9);
}

}  // namespace
}  // namespace tidemark::comm
