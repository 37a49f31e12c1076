// SPDX-License-Identifier: BSD-3-Clause
// NCCL's own memory for buffers, on the doubles of CUDA and NCCL, with real ranks.
// nccl_collectives_test.cpp tests that calls find the right numbers in it.
#include <nccl.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/nccl/nccl_communicator.hpp"
#include "doubles/compute.hpp"
#include "doubles/faults.hpp"
#include "memory/pool.hpp"

namespace tidemark::comm {
namespace {

using doubles::Buffer;
using doubles::Compute;

class NcclBuffers : public ::testing::Test {
 protected:
  ~NcclBuffers() override { doubles::plant_nothing(); }

  [[nodiscard]] MemorySource memory() const { return *communicator_->buffer_memory(); }

  /// Whether the sum of ones over all ranks is right.
  [[nodiscard]] bool sums(float* numbers, std::size_t count) const {
    compute_.launch([=] { std::fill_n(numbers, count, 1.0F); });
    Request request = communicator_->all_reduce(numbers, count, DType::fp32, Purpose::activation);
    communicator_->wait(request);
    communicator_->fence();
    const auto expected = static_cast<float>(communicator_->size());
    return std::count(numbers, numbers + count, expected) == static_cast<std::ptrdiff_t>(count);
  }
  [[nodiscard]] bool sums(const Buffer<float>& buffer) const {
    return sums(buffer.data(), buffer.size());
  }

  Compute compute_;
  std::unique_ptr<Communicator> communicator_{make_nccl_communicator(
      std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, std::chrono::seconds(60)),
      compute_.stream(), std::chrono::seconds(60))};
};

TEST_F(NcclBuffers, AreRegisteredAsLongAsTheyAreHeld) {
  EXPECT_EQ(communicator_->registered_bytes(), 0);
  {
    const Buffer<float> some(100, memory());
    const Buffer<float> more(1000, memory());
    EXPECT_EQ(communicator_->registered_bytes(), 4400);
    EXPECT_TRUE(sums(some));
  }
  EXPECT_EQ(communicator_->registered_bytes(), 0);
  EXPECT_EQ(memory().unit, std::size_t{2} << 20);
}

TEST_F(NcclBuffers, AreTheSegmentsOfThePoolAsLongAsItLives) {
  {
    memory::Pool pool(memory());
    std::vector<float*> blocks;
    const std::vector<std::size_t> counts{1000, 100000, 1000, 600000};
    for (const std::size_t count : counts) {
      blocks.push_back(static_cast<float*>(pool.acquire(count * sizeof(float))));
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_TRUE(sums(blocks[i], std::min<std::size_t>(counts[i], 50000)));
    }
    for (float* block : blocks) pool.release(block);
    EXPECT_EQ(pool.segments(), 2U);
    EXPECT_EQ(pool.held_bytes(), std::size_t{6} << 20);
    EXPECT_EQ(communicator_->registered_bytes(), std::int64_t{6} << 20);
  }
  EXPECT_EQ(communicator_->registered_bytes(), 0);
}

TEST_F(NcclBuffers, AreNotCountedWhereNcclDeclinesToRegisterThem) {
  doubles::plant(doubles::Kind::skip, "ncclCommRegister");
  const Buffer<float> buffer(100, memory());
  EXPECT_EQ(communicator_->registered_bytes(), 0);
  EXPECT_TRUE(sums(buffer));
}

TEST_F(NcclBuffers, GoWithTheProcessWhereTheCommunicatorHasBeenAborted) {
  const Buffer<float> kept(100, memory());
  doubles::plant(doubles::Kind::fail, "ncclMemAlloc");
  std::string line;
  try {
    const Buffer<float> refused(10, memory());
  } catch (const RunError& error) {
    line = error.what();
  }
  EXPECT_EQ(line, "out of memory: ncclMemAlloc failed in set-up on rank " +
                      std::to_string(communicator_->rank()) +
                      ": 40 bytes were refused: unhandled cuda error (NCCL_DEBUG=WARN says more)");
  EXPECT_THROW(communicator_->fence(), RunError);
}

TEST_F(NcclBuffers, AreLeftToOtherRanksWhileAnErrorUnwindsThisOne) {
  const MemorySource source = memory();
  float* kept = nullptr;
  try {
    const Buffer<float> buffer(100, source);
    kept = buffer.data();
    throw RunError("something else");
  } catch (const RunError&) {
  }
  EXPECT_EQ(communicator_->registered_bytes(), 400);
  source.release(kept);
  EXPECT_EQ(communicator_->registered_bytes(), 0);
}

// A test of the double. Without these refusals, the faults of the scenarios would go unnoticed.
TEST(NcclDouble, RefusesToEndOrToFreeWhatIsRegistered) {
  ncclUniqueId id{};
  ASSERT_EQ(ncclGetUniqueId(&id), ncclSuccess);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclComm_t comm = nullptr;
  ASSERT_EQ(ncclCommInitRankConfig(&comm, 1, id, 0, &config), ncclInProgress);
  void* memory = nullptr;
  void* handle = nullptr;
  ASSERT_EQ(ncclMemAlloc(&memory, 100), ncclSuccess);
  const ncclResult_t code = ncclCommRegister(comm, memory, 100, &handle);
  ASSERT_TRUE(code == ncclSuccess || code == ncclInProgress);
  EXPECT_EQ(ncclMemFree(memory), ncclInvalidUsage);
  EXPECT_EQ(ncclCommDestroy(comm), ncclInvalidUsage);
  EXPECT_EQ(ncclCommDeregister(comm, handle), ncclSuccess);
  EXPECT_EQ(ncclCommDeregister(comm, handle), ncclInvalidUsage);
  EXPECT_EQ(ncclMemFree(memory), ncclSuccess);
  EXPECT_EQ(ncclMemFree(memory), ncclInvalidArgument);
  EXPECT_EQ(ncclCommDestroy(comm), ncclSuccess);
}

}  // namespace
}  // namespace tidemark::comm
