// SPDX-License-Identifier: BSD-3-Clause
// The collectives of the NCCL communicator on the doubles: their results, their counters, and what
// is refused. The last tests are those of control operations and of the factory.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/bfloat16.hpp"
#include "base/error.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/nccl/nccl_communicator.hpp"
#include "doubles/compute.hpp"
#include "doubles/nccl_double.hpp"
#include "doubles/nccl_fixture.hpp"

namespace tidemark::comm {
namespace {

using doubles::Buffer;

constexpr Purpose purpose = Purpose::activation;

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
