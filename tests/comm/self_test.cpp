// SPDX-License-Identifier: BSD-3-Clause
#include "comm/wrappers/self.hpp"

#include <cstddef>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace tidemark::comm {
namespace {

template <class Real>
class SelfCollectives : public ::testing::Test {};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(SelfCollectives, Reals);

TYPED_TEST(SelfCollectives, AllReduceLeavesTheValues) {
  SelfCommunicator comm;
  std::vector<TypeParam> values{1, 2, 3};
  Request request =
      comm.all_reduce(values.data(), values.size(), dtype_of<TypeParam>, Purpose::activation);
  EXPECT_FALSE(request.pending());
  comm.wait(request);
  EXPECT_EQ(values, (std::vector<TypeParam>{1, 2, 3}));
}

TYPED_TEST(SelfCollectives, GatherAndScatterCopy) {
  SelfCommunicator comm;
  const std::vector<TypeParam> send{4, 5, 6};
  std::vector<TypeParam> gathered(4, -1);
  Request request =
      comm.all_gather(send.data(), gathered.data(), 3, dtype_of<TypeParam>, Purpose::activation);
  comm.wait(request);
  EXPECT_EQ(gathered, (std::vector<TypeParam>{4, 5, 6, -1}));

  std::vector<TypeParam> scattered(4, -1);
  request = comm.reduce_scatter(send.data(), scattered.data(), 2, dtype_of<TypeParam>,
                                Purpose::activation);
  comm.wait(request);
  EXPECT_EQ(scattered, (std::vector<TypeParam>{4, 5, -1, -1}));
}

TYPED_TEST(SelfCollectives, SameBufferStays) {
  SelfCommunicator comm;
  std::vector<TypeParam> values{7, 8};
  Request request =
      comm.all_gather(values.data(), values.data(), 2, dtype_of<TypeParam>, Purpose::activation);
  request = comm.reduce_scatter(values.data(), values.data(), 2, dtype_of<TypeParam>,
                                Purpose::activation);
  comm.wait(request);
  EXPECT_EQ(values, (std::vector<TypeParam>{7, 8}));
}

TYPED_TEST(SelfCollectives, CountsMessagesButNoWire) {
  SelfCommunicator comm;
  std::vector<TypeParam> a(5);
  std::vector<TypeParam> b(5);
  const auto w = static_cast<std::int64_t>(sizeof(TypeParam));
  Request request = comm.all_reduce(a.data(), 5, dtype_of<TypeParam>, Purpose::gradient);
  request = comm.all_gather(a.data(), b.data(), 4, dtype_of<TypeParam>, Purpose::activation);
  request = comm.all_gather(nullptr, nullptr, 0, dtype_of<TypeParam>, Purpose::activation);
  comm.wait(request);

  const CallStats& reduced = comm.counters().at(Operation::all_reduce, Purpose::gradient);
  EXPECT_EQ(reduced.calls, 1);
  EXPECT_EQ(reduced.message_bytes, 5 * w);
  EXPECT_EQ(reduced.wire_bytes, 0);
  const CallStats& gathered = comm.counters().at(Operation::all_gather, Purpose::activation);
  EXPECT_EQ(gathered.calls, 2);
  EXPECT_EQ(gathered.message_bytes, 4 * w);
  EXPECT_EQ(gathered.wire_bytes, 0);
  EXPECT_FALSE(busbw_gbytes_per_s(Operation::all_gather, comm.size(), gathered).has_value());

  comm.reset_counters();
  EXPECT_EQ(comm.counters().total(Purpose::gradient).calls, 0);
}

TEST(SelfCollectives16Bit, CopyTwoBytesAnElement) {
  SelfCommunicator comm;
  const std::vector<bfloat16> send{bfloat16(1.5F), bfloat16(-2.0F), bfloat16(3.0F)};
  std::vector<bfloat16> received(3, bfloat16(9.0F));
  Request request =
      comm.all_gather(send.data(), received.data(), 2, DType::bf16, Purpose::activation);
  comm.wait(request);
  EXPECT_EQ(received, (std::vector<bfloat16>{bfloat16(1.5F), bfloat16(-2.0F), bfloat16(9.0F)}));
  EXPECT_EQ(comm.counters().total(Purpose::activation).message_bytes, 4);
}

TEST(SelfCommunicator, ControlOperationsKeepWhatTheyAreGiven) {
  SelfCommunicator comm;
  EXPECT_EQ(comm.rank(), 0);
  EXPECT_EQ(comm.size(), 1);
  EXPECT_EQ(comm.name(), "self");
  std::vector<double> values{1.5, -2.0};
  comm.max_over_ranks(values);
  comm.min_over_ranks(values);
  comm.sum_over_ranks(values);
  comm.barrier();
  EXPECT_EQ(values, (std::vector<double>{1.5, -2.0}));
  EXPECT_EQ(comm.broadcast_bytes("ab"), "ab");
  EXPECT_EQ(comm.gather_bytes("ab"), std::vector<std::string>{"ab"});
  EXPECT_EQ(comm.counters().total(Purpose::activation).calls, 0);
}

TEST(SelfCommunicator, ErrorsNameOperationContextAndRank) {
  SelfCommunicator comm;
  comm.set_context("step 3 of case 1");
  try {
    (void)comm.broadcast_bytes("", 1);
    FAIL() << "a root out of range was accepted";
  } catch (const RunError& error) {
    EXPECT_STREQ(error.what(),
                 "broadcast_bytes failed in step 3 of case 1 on rank 0: there is no rank 1");
  }
}

// On a device, only the copies go to the function, in the order of the stream.
TEST(SelfOnADevice, CopiesInOrderOfTheStream) {
  std::vector<std::size_t> copied;
  SelfCommunicator comm([&](void* to, const void* from, std::size_t bytes) {
    std::memcpy(to, from, bytes);
    copied.push_back(bytes);
  });
  EXPECT_TRUE(comm.follows_stream());
  EXPECT_EQ(comm.transport(), "device");
  std::vector<float> from{1.0F, 2.0F};
  std::vector<float> to(2);
  Request request = comm.all_gather(from.data(), to.data(), 2, DType::fp32, Purpose::activation);
  comm.wait(request);
  request = comm.all_reduce(from.data(), 2, DType::fp32, Purpose::activation);
  comm.wait(request);
  EXPECT_EQ(to, from);
  EXPECT_EQ(copied, std::vector<std::size_t>{8});
  EXPECT_FALSE(SelfCommunicator().follows_stream());
}

}  // namespace
}  // namespace tidemark::comm
