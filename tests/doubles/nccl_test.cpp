// SPDX-License-Identifier: BSD-3-Clause
// The NCCL communicator on the doubles of CUDA and NCCL, with real ranks.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/bfloat16.hpp"
#include "base/error.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/nccl/nccl_communicator.hpp"
#include "doubles/compute.hpp"
#include "doubles/nccl_double.hpp"

namespace tidemark::comm {
namespace {

using doubles::Buffer;
using doubles::Compute;
using std::chrono::milliseconds;

constexpr Purpose purpose = Purpose::activation;

class Nccl : public ::testing::Test {
 protected:
  Nccl()
      : communicator_(make_nccl_communicator(
            std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, std::chrono::seconds(60)),
            compute_.stream(), std::chrono::seconds(60))) {}

  [[nodiscard]] Communicator& comm() const { return *communicator_; }
  [[nodiscard]] int rank() const { return communicator_->rank(); }
  [[nodiscard]] int ranks() const { return communicator_->size(); }

  /// The value of rank `r` at `i`. Sums of these values are exact in any type.
  static int number(int r, std::size_t i) { return (r + 1) * (1 + static_cast<int>(i % 3)); }
  /// The sum of these values over all ranks.
  [[nodiscard]] int total(std::size_t i) const {
    return ranks() * (ranks() + 1) / 2 * number(0, i);
  }

  /// A slow kernel, so that an access that is too early finds wrong values.
  template <class T>
  void fill(const Buffer<T>& buffer, std::size_t first = 0) const {
    compute_.launch([&buffer, first, r = rank()] {
      std::this_thread::sleep_for(milliseconds(2));
      for (std::size_t i = 0; i < buffer.size(); ++i) {
        buffer[i] = static_cast<T>(static_cast<float>(number(r, first + i)));
      }
    });
  }
  /// The values that the compute stream finds in the buffer when it gets there.
  template <class T>
  [[nodiscard]] std::vector<float> seen(const Buffer<T>& buffer) const {
    std::vector<float> values(buffer.size());
    compute_.launch([&] {
      for (std::size_t i = 0; i < buffer.size(); ++i) values[i] = static_cast<float>(buffer[i]);
    });
    comm().fence();
    return values;
  }
  void finish(Request request) const { comm().wait(request); }

  Compute compute_;
  std::unique_ptr<Communicator> communicator_;
};

/// The element type, and whether the buffers are in registered memory of NCCL.
template <class T, bool is_registered>
struct BuffersOf {
  using Element = T;
  static constexpr bool registered = is_registered;
};

template <class K>
class NcclOf : public Nccl {
 protected:
  using T = typename K::Element;
  static constexpr DType dtype = dtype_of<T>;

  [[nodiscard]] Buffer<T> buffer(std::size_t count) const {
    if (!K::registered) return Buffer<T>(count);
    return Buffer<T>(count, *comm().buffer_memory());
  }
};
using Kinds =
    ::testing::Types<BuffersOf<double, false>, BuffersOf<float, false>, BuffersOf<bfloat16, false>,
                     BuffersOf<double, true>, BuffersOf<float, true>, BuffersOf<bfloat16, true>>;
TYPED_TEST_SUITE(NcclOf, Kinds);

TYPED_TEST(NcclOf, AllReduceSums) {
  for (const std::size_t count : {0U, 1U, 1000U}) {
    const auto buffer = this->buffer(count);
    this->fill(buffer);
    this->finish(this->comm().all_reduce(buffer.data(), count, this->dtype, purpose));
    const std::vector<float> values = this->seen(buffer);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(values[i], static_cast<float>(this->total(i))) << i;
    }
  }
}

TYPED_TEST(NcclOf, AllGatherBringsEverybodysBlock) {
  constexpr std::size_t count = 500;
  const auto t = static_cast<std::size_t>(this->ranks());
  for (const bool in_place : {false, true}) {
    const auto whole = this->buffer(t * count);
    const auto block = this->buffer(count);
    const auto* send = block.data();
    if (in_place) {
      this->fill(whole);
      send = whole.data() + static_cast<std::size_t>(this->rank()) * count;
    } else {
      this->fill(block);
    }
    this->finish(this->comm().all_gather(send, whole.data(), count, this->dtype, purpose));
    const std::vector<float> values = this->seen(whole);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t at = in_place ? i : i % count;
      ASSERT_EQ(values[i], static_cast<float>(Nccl::number(static_cast<int>(i / count), at))) << i;
    }
  }
}

TYPED_TEST(NcclOf, ReduceScatterLeavesOnesOwnBlockOfTheSum) {
  constexpr std::size_t count = 500;
  const auto t = static_cast<std::size_t>(this->ranks());
  const std::size_t first = static_cast<std::size_t>(this->rank()) * count;
  for (const bool in_place : {false, true}) {
    const auto whole = this->buffer(t * count);
    const auto block = this->buffer(count);
    this->fill(whole);
    this->finish(this->comm().reduce_scatter(
        whole.data(), in_place ? whole.data() + first : block.data(), count, this->dtype, purpose));
    const std::vector<float> values = this->seen(in_place ? whole : block);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(values[in_place ? first + i : i], static_cast<float>(this->total(first + i)));
    }
  }
}

TYPED_TEST(NcclOf, ExchangesPassBlocksRoundInBothDirections) {
  constexpr std::size_t count = 300;
  const int next = (this->rank() + 1) % this->ranks();
  const int last = (this->rank() + this->ranks() - 1) % this->ranks();
  const auto own = this->buffer(count);
  const auto from_last = this->buffer(count);
  const auto from_next = this->buffer(count);
  this->fill(own);
  Request up =
      this->comm().exchange(own.data(), next, from_last.data(), last, count, this->dtype, purpose);
  Request down =
      this->comm().exchange(own.data(), last, from_next.data(), next, count, this->dtype, purpose);
  this->comm().wait(down);
  this->comm().wait(up);
  const std::vector<float> below = this->seen(from_last);
  const std::vector<float> above = this->seen(from_next);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(below[i], static_cast<float>(Nccl::number(last, i)));
    ASSERT_EQ(above[i], static_cast<float>(Nccl::number(next, i)));
  }
}

// A shard to each other rank, and theirs into the whole, as under ring.
TYPED_TEST(NcclOf, ExchangesTogetherAreOneCallOfTheLibrary) {
  constexpr std::size_t count = 300;
  const int t = this->ranks();
  const auto own = this->buffer(count);
  const auto whole = this->buffer(static_cast<std::size_t>(t) * count);
  this->fill(own);
  std::vector<Exchange> messages;
  for (int step = 1; step < t; ++step) {
    const int from = (this->rank() + t - step) % t;
    messages.push_back({own.data(), (this->rank() + step) % t,
                        whole.data() + static_cast<std::size_t>(from) * count, from});
  }
  const int calls = doubles::launched_calls();
  std::vector<Request> requests =
      this->comm().exchange_together(messages, count, this->dtype, purpose);
  EXPECT_EQ(doubles::launched_calls(), calls + (t > 1 ? 1 : 0));
  ASSERT_EQ(requests.size(), messages.size());
  for (Request& request : requests) this->comm().wait(request);
  const std::vector<float> values = this->seen(whole);
  for (const Exchange& message : messages) {
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(values[static_cast<std::size_t>(message.from) * count + i],
                static_cast<float>(Nccl::number(message.from, i)));
    }
  }
  const CallStats stats = this->comm().counters().at(Operation::send_recv, purpose);
  EXPECT_EQ(stats.calls, t - 1);
  EXPECT_EQ(stats.message_bytes,
            static_cast<std::int64_t>(messages.size() * count * size_of(this->dtype)));
}

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

TEST_F(Nccl, CountsWhatTheTrafficFormulasSay) {
  const auto t = static_cast<std::size_t>(ranks());
  const Buffer<float> whole(t * 10);
  const Buffer<float> block(10);
  fill(whole);
  fill(block);
  finish(comm().all_reduce(whole.data(), t * 10, DType::fp32, Purpose::gradient));
  finish(comm().all_gather(block.data(), whole.data(), 10, DType::fp32, purpose));
  finish(comm().reduce_scatter(whole.data(), block.data(), 10, DType::fp32, purpose));
  const auto bytes = static_cast<std::int64_t>(t * 40);
  const Counters counters = comm().counters();
  for (const Operation operation : {Operation::all_gather, Operation::reduce_scatter}) {
    const CallStats& stats = counters.at(operation, purpose);
    EXPECT_EQ(stats.calls, 1);
    EXPECT_EQ(stats.message_bytes, bytes);
    EXPECT_EQ(stats.wire_bytes, wire_bytes(operation, ranks(), bytes));
    EXPECT_GE(stats.seconds, stats.blocked_seconds);
  }
  EXPECT_EQ(counters.at(Operation::all_reduce, Purpose::gradient).message_bytes, bytes);
  comm().reset_counters();
  EXPECT_EQ(comm().counters().total(purpose).calls, 0);
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

TEST_F(Nccl, RefusesWhatWouldMixBuffersUp) {
  const auto t = static_cast<std::size_t>(ranks());
  const Buffer<float> buffer(t * 10 + 10);
  std::string line;
  try {
    static_cast<void>(
        comm().all_gather(buffer.data() + t * 10 - 5, buffer.data(), 10, DType::fp32, purpose));
  } catch (const RunError& error) {
    line = error.what();
  }
  EXPECT_EQ(line, "all_gather failed in set-up on rank " + std::to_string(rank()) +
                      ": the buffers overlap");
}

TEST_F(Nccl, ControlOperationsAreThoseOfTheOtherCommunicator) {
  std::vector<double> values{static_cast<double>(rank())};
  comm().max_over_ranks(values);
  EXPECT_EQ(values[0], ranks() - 1);
  EXPECT_EQ(comm().broadcast_bytes(std::to_string(rank()), 0), "0");
  EXPECT_EQ(comm().gather_bytes("x").size(), static_cast<std::size_t>(ranks()));
  EXPECT_TRUE(comm().follows_stream());
  EXPECT_EQ(comm().name(), "nccl");
}

TEST(NcclFactory, WantsTheTensorsOnTheDevice) {
  auto control = std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, std::chrono::seconds(60));
  std::string line;
  try {
    static_cast<void>(
        make_nccl_communicator(std::move(control), std::nullopt, std::chrono::seconds(60)));
  } catch (const RunError& error) {
    line = error.what();
    EXPECT_EQ(error.scope(), Scope::all_ranks);
  }
  EXPECT_EQ(
      line,
      "comm.backend: nccl cannot be used: rank 0: its tensors are in the host's memory, since "
      "its Kokkos does not compute on CUDA");
}

}  // namespace
}  // namespace tidemark::comm
