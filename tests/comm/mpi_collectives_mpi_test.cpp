// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_communicator.hpp"

namespace tidemark::comm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t counts[] = {1, 7, 64, 1001};

/// Small integers that depend on rank and position. Their sums are exact in any order, also in
/// bf16.
double value_of(int rank, std::size_t i) {
  return static_cast<double>(rank + 1) * static_cast<double>(i % 13 + 1) - 5.0;
}

double sum_over(int ranks, std::size_t i) {
  double sum = 0.0;
  for (int r = 0; r < ranks; ++r) sum += value_of(r, i);
  return sum;
}

template <class Real>
class MpiCollectives : public ::testing::Test {
 protected:
  std::vector<Real> own_values(std::size_t count) {
    std::vector<Real> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<Real>(value_of(rank(), i));
    return values;
  }
  int rank() { return comm_.rank(); }
  std::size_t ranks() { return static_cast<std::size_t>(comm_.size()); }

  MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
  static constexpr DType dtype = dtype_of<Real>;
  static constexpr auto w = static_cast<std::int64_t>(sizeof(Real));
};
using Reals = ::testing::Types<bfloat16, float, double>;
TYPED_TEST_SUITE(MpiCollectives, Reals);

TYPED_TEST(MpiCollectives, AllReduceSums) {
  for (const std::size_t count : counts) {
    std::vector<TypeParam> values = this->own_values(count);
    Request request =
        this->comm_.all_reduce(values.data(), count, this->dtype, Purpose::activation);
    EXPECT_FALSE(request.pending());
    this->comm_.wait(request);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(values[i], static_cast<TypeParam>(sum_over(this->comm_.size(), i))) << i;
    }
  }
}

TYPED_TEST(MpiCollectives, AllGatherConcatenatesByRank) {
  for (const std::size_t count : counts) {
    for (const bool in_place : {false, true}) {
      const std::vector<TypeParam> own = this->own_values(count);
      std::vector<TypeParam> all(count * this->ranks(), static_cast<TypeParam>(-99.0));
      TypeParam* block = all.data() + count * static_cast<std::size_t>(this->rank());
      if (in_place) std::copy(own.begin(), own.end(), block);
      Request request = this->comm_.all_gather(in_place ? block : own.data(), all.data(), count,
                                               this->dtype, Purpose::activation);
      this->comm_.wait(request);
      for (std::size_t i = 0; i < all.size(); ++i) {
        const int source = static_cast<int>(i / count);
        ASSERT_EQ(all[i], static_cast<TypeParam>(value_of(source, i % count))) << i;
      }
    }
  }
}

TYPED_TEST(MpiCollectives, ReduceScatterSumsThisRanksBlock) {
  for (const std::size_t count : counts) {
    const std::vector<TypeParam> whole = this->own_values(count * this->ranks());
    std::vector<TypeParam> block(count, static_cast<TypeParam>(-99.0));
    Request request = this->comm_.reduce_scatter(whole.data(), block.data(), count, this->dtype,
                                                 Purpose::activation);
    this->comm_.wait(request);
    const std::size_t first = count * static_cast<std::size_t>(this->rank());
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(block[i], static_cast<TypeParam>(sum_over(this->comm_.size(), first + i))) << i;
    }
    EXPECT_EQ(whole, this->own_values(whole.size()));
  }
}

TYPED_TEST(MpiCollectives, ReduceScatterThenGatherIsAllReduce) {
  const std::size_t count = 33;
  std::vector<TypeParam> reduced = this->own_values(count * this->ranks());
  std::vector<TypeParam> composed = reduced;
  std::vector<TypeParam> block(count);
  Request request =
      this->comm_.all_reduce(reduced.data(), reduced.size(), this->dtype, Purpose::activation);
  request = this->comm_.reduce_scatter(composed.data(), block.data(), count, this->dtype,
                                       Purpose::activation);
  request = this->comm_.all_gather(block.data(), composed.data(), count, this->dtype,
                                   Purpose::activation);
  this->comm_.wait(request);
  EXPECT_EQ(composed, reduced);
}

TYPED_TEST(MpiCollectives, NothingIsAValidMessage) {
  Request request = this->comm_.all_reduce(nullptr, 0, this->dtype, Purpose::activation);
  request = this->comm_.all_gather(nullptr, nullptr, 0, this->dtype, Purpose::activation);
  request = this->comm_.reduce_scatter(nullptr, nullptr, 0, this->dtype, Purpose::activation);
  this->comm_.wait(request);
  const CallStats total = this->comm_.counters().total(Purpose::activation);
  EXPECT_EQ(total.calls, 3);
  EXPECT_EQ(total.message_bytes, 0);
  EXPECT_EQ(total.wire_bytes, 0);
}

TYPED_TEST(MpiCollectives, CountersAreExact) {
  const auto t = static_cast<std::int64_t>(this->ranks());
  std::vector<TypeParam> whole(24 * this->ranks());
  std::vector<TypeParam> block(24);
  Request request;
  for (int i = 0; i < 3; ++i) {
    request = this->comm_.all_reduce(whole.data(), whole.size(), this->dtype, Purpose::activation);
  }
  request = this->comm_.all_reduce(whole.data(), 5, this->dtype, Purpose::gradient);
  request =
      this->comm_.all_gather(block.data(), whole.data(), 24, this->dtype, Purpose::activation);
  request =
      this->comm_.reduce_scatter(whole.data(), block.data(), 24, this->dtype, Purpose::activation);
  this->comm_.wait(request);

  const auto expect = [&](Operation operation, Purpose purpose, std::int64_t calls,
                          std::int64_t message_bytes, std::int64_t wire) {
    const CallStats& stats = this->comm_.counters().at(operation, purpose);
    EXPECT_EQ(stats.calls, calls);
    EXPECT_EQ(stats.message_bytes, message_bytes);
    EXPECT_EQ(stats.wire_bytes, wire);
    EXPECT_EQ(stats.seconds > 0.0, calls > 0);
    EXPECT_EQ(stats.blocked_seconds, stats.seconds);
    EXPECT_EQ(busbw_gbytes_per_s(operation, this->comm_.size(), stats).has_value(),
              calls > 0 && t > 1);
  };
  const std::int64_t block_bytes = 24 * this->w;
  expect(Operation::all_reduce, Purpose::activation, 3, 3 * t * block_bytes,
         3 * 2 * (t - 1) * block_bytes);
  expect(Operation::all_reduce, Purpose::gradient, 1, 5 * this->w, 2 * (t - 1) * 5 * this->w / t);
  expect(Operation::all_gather, Purpose::activation, 1, t * block_bytes, (t - 1) * block_bytes);
  expect(Operation::reduce_scatter, Purpose::activation, 1, t * block_bytes, (t - 1) * block_bytes);
  expect(Operation::reduce_scatter, Purpose::gradient, 0, 0, 0);

  this->comm_.reset_counters();
  expect(Operation::all_gather, Purpose::activation, 0, 0, 0);
}

}  // namespace
}  // namespace tidemark::comm
