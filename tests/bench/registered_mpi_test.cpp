// SPDX-License-Identifier: BSD-3-Clause
// Activations in memory that a communicator lends out, as NCCL's does.
#include <chrono>
#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "bench/kernel_buffers.hpp"
#include "bench/verify/verification.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "support/cases.hpp"
#include "support/passing_communicator.hpp"

namespace tidemark::bench {
namespace {

class LendingCommunicator final : public support::PassingCommunicator {
 public:
  using PassingCommunicator::PassingCommunicator;

  [[nodiscard]] std::optional<MemorySource> buffer_memory() override {
    const auto allocate = [this](std::size_t bytes) {
      ++times_lent;
      return *lent.insert(std::malloc(bytes)).first;
    };
    const auto release = [this](void* memory) {
      EXPECT_EQ(lent.erase(memory), 1U);
      std::free(memory);
    };
    return MemorySource{allocate, release};
  }
  [[nodiscard]] std::int64_t registered_bytes() const override { return 100 + rank(); }

  std::set<void*> lent;
  int times_lent = 0;
};

config::Case small_case(const comm::Communicator& communicator, bool registers) {
  config::Case c = support::small_case(communicator.size(), true);
  c.comm.register_buffers = registers;
  return c;
}

class Registered : public ::testing::Test {
 protected:
  comm::MpiCommunicator transport_{MPI_COMM_WORLD, std::chrono::seconds(60)};
  LendingCommunicator communicator_{transport_};
};

TEST_F(Registered, TheTwinLivesInTheCommunicatorsMemoryAndGivesItBack) {
  Device device;
  for (const bool registers : {false, true}) {
    const config::Case c = small_case(communicator_, registers);
    for (const Check& check : check_twin(c, device, communicator_)) {
      EXPECT_TRUE(check.passed()) << check.name;
    }
    EXPECT_EQ(communicator_.times_lent > 0, registers);
    EXPECT_TRUE(communicator_.lent.empty());
  }
}

TEST_F(Registered, BytesAreThoseOfTheRankWithFewest) {
  EXPECT_EQ(registered_bytes(small_case(communicator_, true), communicator_), 100);
  EXPECT_EQ(registered_bytes(small_case(communicator_, false), communicator_), std::nullopt);
  EXPECT_EQ(registered_bytes(small_case(communicator_, true), transport_), std::nullopt);
}

}  // namespace
}  // namespace tidemark::bench
