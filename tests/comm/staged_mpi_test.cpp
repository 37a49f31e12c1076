// SPDX-License-Identifier: BSD-3-Clause
// Collectives on memory that MPI cannot reach.
#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_communicator.hpp"
#include "comm/wrappers/staged.hpp"
#include "support/fake_device_memory.hpp"
#include "support/nodes.hpp"

namespace tidemark::comm {
namespace {

using namespace std::chrono_literals;
using support::FakeDeviceMemory;

/// Small integers, so that sums are exact in any order, also in bf16.
double value_of(int rank, std::size_t i) {
  return static_cast<double>(rank + 1) * static_cast<double>(i % 7 + 1) - 3.0;
}

double sum_over(int ranks, std::size_t i) {
  double sum = 0.0;
  for (int rank = 0; rank < ranks; ++rank) sum += value_of(rank, i);
  return sum;
}

template <class T>
class StagedCollectives : public ::testing::Test {
 protected:
  static std::unique_ptr<Communicator> by(Algorithm algorithm) {
    MpiOptions options;
    options.algorithm = algorithm;
    if (algorithm == Algorithm::hierarchical) options.node_labels = support::two_nodes();
    return std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, 60s, options);
  }
  std::vector<T> own_values(std::size_t count, int rank) {
    std::vector<T> values;
    for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<T>(value_of(rank, i)));
    return values;
  }
  FakeDeviceMemory memory_;
};
using Reals = ::testing::Types<bfloat16, float, double>;
TYPED_TEST_SUITE(StagedCollectives, Reals);

TYPED_TEST(StagedCollectives, MoveWhatLiesOnTheDevice) {
  using T = TypeParam;
  for (const Algorithm algorithm : all_algorithms) {
    Staged comm(this->by(algorithm), FakeDeviceMemory::staging());
    comm.set_overlapping(true);
    const auto t = static_cast<std::size_t>(comm.size());
    constexpr std::size_t count = 101;
    const int next = (comm.rank() + 1) % comm.size();
    const int before = (comm.rank() + comm.size() - 1) % comm.size();

    T* const reduced = this->memory_.put(this->own_values(count, comm.rank()));
    T* const block = this->memory_.put(this->own_values(count, comm.rank()));
    T* const gathered = this->memory_.template reserve<T>(count * t);
    T* const whole = this->memory_.put(this->own_values(count * t, comm.rank()));
    T* const scattered = this->memory_.template reserve<T>(count);
    T* const received = this->memory_.template reserve<T>(count);
    // All of them are pending at once, each with its own buffers.
    Request first = comm.all_reduce(reduced, count, dtype_of<T>, Purpose::activation);
    Request second = comm.all_gather(block, gathered, count, dtype_of<T>, Purpose::activation);
    Request third = comm.reduce_scatter(whole, scattered, count, dtype_of<T>, Purpose::activation);
    Request fourth =
        comm.exchange(block, next, received, before, count, dtype_of<T>, Purpose::activation);
    comm.poll();
    for (Request* const request : {&fourth, &second, &third, &first}) comm.wait(*request);

    const std::vector<T> sums = this->memory_.get(reduced, count);
    const std::vector<T> all = this->memory_.get(gathered, count * t);
    const std::vector<T> shard = this->memory_.get(scattered, count);
    const auto own = static_cast<std::size_t>(comm.rank()) * count;
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(sums[i], static_cast<T>(sum_over(comm.size(), i)));
      ASSERT_EQ(shard[i], static_cast<T>(sum_over(comm.size(), own + i)));
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      ASSERT_EQ(all[i], static_cast<T>(value_of(static_cast<int>(i / count), i % count)));
    }
    EXPECT_EQ(this->memory_.get(received, count), this->own_values(count, before));
  }
}

TYPED_TEST(StagedCollectives, GatherInPlace) {
  using T = TypeParam;
  Staged comm(this->by(Algorithm::native), FakeDeviceMemory::staging());
  constexpr std::size_t count = 33;
  const auto t = static_cast<std::size_t>(comm.size());
  std::vector<T> values(count * t, static_cast<T>(-99.0));
  const std::vector<T> own = this->own_values(count, comm.rank());
  const auto at = static_cast<std::ptrdiff_t>(static_cast<std::size_t>(comm.rank()) * count);
  std::copy(own.begin(), own.end(), values.begin() + at);
  T* const whole = this->memory_.put(values);
  Request request = comm.all_gather(whole + at, whole, count, dtype_of<T>, Purpose::activation);
  comm.wait(request);
  const std::vector<T> all = this->memory_.get(whole, count * t);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i], static_cast<T>(value_of(static_cast<int>(i / count), i % count)));
  }
}

class StagedBooks : public ::testing::Test {
 protected:
  FakeDeviceMemory memory_;
  Staged comm_{std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, 60s), FakeDeviceMemory::staging()};
};

TEST_F(StagedBooks, CountEveryCallAndItsCopies) {
  CallLog log;
  comm_.attach(&log);
  float* const buffer = memory_.put(std::vector<float>(1000, 1.0F));
  for (int i = 0; i < 3; ++i) {
    Request request = comm_.all_reduce(buffer, 1000, DType::fp32, Purpose::activation);
    comm_.wait(request);
  }
  const CallStats& stats = comm_.counters().at(Operation::all_reduce, Purpose::activation);
  EXPECT_EQ(stats.calls, 3);
  EXPECT_EQ(stats.message_bytes, 12000);
  EXPECT_EQ(stats.wire_bytes, 3 * wire_bytes(Operation::all_reduce, comm_.size(), 4000));
  EXPECT_GT(stats.seconds, 0.0);
  EXPECT_LE(stats.blocked_seconds, stats.seconds);
  EXPECT_EQ(log.calls.size(), 3U);
  EXPECT_EQ(comm_.transport(), "staged");
}

TEST_F(StagedBooks, AskForMemoryOnce) {
  float* const buffer = memory_.put(std::vector<float>(1000, 1.0F));
  float* const other = memory_.reserve<float>(1000);
  const auto step = [&] {
    Request request = comm_.all_reduce(buffer, 1000, DType::fp32, Purpose::activation);
    comm_.wait(request);
    request = comm_.exchange(buffer, comm_.rank(), other, comm_.rank(), 500, DType::fp32,
                             Purpose::activation);
    comm_.wait(request);
  };
  step();
  const int before = FakeDeviceMemory::allocations();
  const std::size_t held = comm_.held_bytes();
  EXPECT_EQ(held, 4000U + 2000U);
  for (int i = 0; i < 3; ++i) step();
  EXPECT_EQ(FakeDeviceMemory::allocations(), before);
  EXPECT_EQ(comm_.held_bytes(), held);
}

TEST_F(StagedBooks, NothingIsAValidMessage) {
  Request request = comm_.all_reduce(nullptr, 0, DType::bf16, Purpose::activation);
  comm_.wait(request);
  request = comm_.all_gather(nullptr, nullptr, 0, DType::bf16, Purpose::activation);
  comm_.wait(request);
  EXPECT_EQ(comm_.held_bytes(), 0U);
}

// Memory that MPI reaches by itself. Plain memory replaces it, and the functions count their calls.
int sums_formed = 0;
int blocks_made = 0;

void counting_sum(DType dtype, void* out, std::span<const void* const> terms, std::size_t count) {
  ++sums_formed;
  sum_on_host(dtype, out, terms, count);
}
void* counting_allocate(std::size_t bytes) {
  ++blocks_made;
  return host_memory.allocate(bytes);
}

MpiOptions on_device(bool automatic = false) {
  MpiOptions options;
  options.on_device = true;
  options.automatic = automatic;
  options.memory = {counting_allocate, host_memory.release};
  options.sum = counting_sum;
  return options;
}

TEST(ReachedMemory, SumsOfBf16AreNeverLeftToTheLibrary) {
  for (const bool automatic : {false, true}) {
    MpiCommunicator comm(MPI_COMM_WORLD, 60s, on_device(automatic));
    EXPECT_EQ(comm.transport(), "device");
    std::vector<bfloat16> values(1000, bfloat16(1.0F));
    sums_formed = blocks_made = 0;
    Request request = comm.all_reduce(values.data(), 1000, DType::bf16, Purpose::activation);
    comm.wait(request);
    EXPECT_EQ(static_cast<float>(values[0]), static_cast<float>(comm.size()));
    EXPECT_EQ(sums_formed > 0, comm.size() > 1);
    EXPECT_EQ(blocks_made > 0, comm.size() > 1) << "scratch memory lies where the buffers do";
    for (const AlgorithmChoice& choice : comm.choices()) {
      EXPECT_NE(choice.algorithm, Algorithm::native);
      EXPECT_EQ(choice.seconds[static_cast<std::size_t>(Algorithm::native)], 0.0);
    }
    if (automatic) continue;
    // The library may form other sums.
    std::vector<float> wide(1000, 1.0F);
    sums_formed = 0;
    request = comm.all_reduce(wide.data(), 1000, DType::fp32, Purpose::activation);
    comm.wait(request);
    EXPECT_EQ(wide[0], static_cast<float>(comm.size()));
    EXPECT_EQ(sums_formed, 0);
  }
}

// Concurrent calls, too. In calls that do not block, libraries take buffers of a device for those
// of the host.
TEST(ReachedMemory, NothingIsLeftToTheLibraryBesideOtherWork) {
  for (const bool automatic : {false, true}) {
    MpiCommunicator comm(MPI_COMM_WORLD, 60s, on_device(automatic));
    comm.set_overlapping(true);
    std::vector<float> values(1000, 1.0F);
    sums_formed = 0;
    Request request = comm.all_reduce(values.data(), 1000, DType::fp32, Purpose::activation);
    comm.wait(request);
    EXPECT_EQ(values[0], static_cast<float>(comm.size()));
    EXPECT_EQ(sums_formed > 0, comm.size() > 1);
    const auto size = static_cast<std::size_t>(comm.size());
    std::vector<float> all(10 * size, -1.0F);
    request = comm.all_gather(values.data(), all.data(), 10, DType::fp32, Purpose::activation);
    comm.wait(request);
    EXPECT_EQ(all, std::vector<float>(10 * size, static_cast<float>(comm.size())));
    for (const AlgorithmChoice& choice : comm.choices()) {
      EXPECT_EQ(choice.seconds[static_cast<std::size_t>(Algorithm::native)], 0.0);
    }
  }
}

std::atomic<int> threads_told{0};
std::thread::id told;

TEST(ReachedMemory, TheThreadThatDrivesCallsUsesTheDevice) {
  threads_told = 0;
  MpiOptions options = on_device();
  options.progress_thread = true;
  options.use_device = [] {
    told = std::this_thread::get_id();
    ++threads_told;
  };
  {
    MpiCommunicator comm(MPI_COMM_WORLD, 60s, options);
    comm.set_overlapping(true);
    std::vector<float> values(1000, 1.0F);
    Request request = comm.all_reduce(values.data(), 1000, DType::fp32, Purpose::activation);
    comm.wait(request);
    EXPECT_EQ(values[0], static_cast<float>(comm.size()));
  }
  EXPECT_EQ(threads_told, 1);
  EXPECT_NE(told, std::this_thread::get_id());
}

}  // namespace
}  // namespace tidemark::comm
