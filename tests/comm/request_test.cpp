// SPDX-License-Identifier: BSD-3-Clause
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "comm/wrappers/self.hpp"

namespace tidemark::comm {
namespace {

/// Hands out pending requests, and records which of them it waited for.
class SlowCommunicator : public Communicator {
 public:
  [[nodiscard]] int rank() const noexcept override { return 0; }
  [[nodiscard]] int size() const noexcept override { return 1; }
  [[nodiscard]] std::string_view name() const noexcept override { return "slow"; }
  [[nodiscard]] Request post(const Call&) override { return {*this, ++issued_}; }
  void wait(Request& request) override {
    if (!request.pending()) return;
    if (broken) throw RunError("all_reduce failed in step 3 of case 1 on rank 0: link down");
    waited.push_back(request.ticket());
    request.mark_complete();
  }
  void poll() override {}
  void abandon() noexcept override { is_abandoned = true; }
  void barrier() override {}
  void max_over_ranks(std::span<double>) override {}
  void min_over_ranks(std::span<double>) override {}
  void sum_over_ranks(std::span<double>) override {}
  [[nodiscard]] std::string broadcast_bytes(std::string bytes, int) override { return bytes; }
  [[nodiscard]] std::vector<std::string> gather_bytes(std::string_view) override { return {}; }
  void set_context(std::string) override {}
  [[nodiscard]] const Counters& counters() const noexcept override { return counters_; }
  void reset_counters() noexcept override {}

  Request issue() { return all_reduce(nullptr, 0, DType::fp32, Purpose::activation); }

  std::vector<std::uint64_t> waited;
  bool broken = false;
  bool is_abandoned = false;

 private:
  std::uint64_t issued_ = 0;
  Counters counters_;
};

using Tickets = std::vector<std::uint64_t>;

TEST(Request, EmptyIsComplete) {
  const Request request;
  EXPECT_FALSE(request.pending());
  EXPECT_EQ(request.owner(), nullptr);
}

TEST(Request, WaitingCompletesItOnce) {
  SlowCommunicator comm;
  {
    Request request = comm.issue();
    EXPECT_TRUE(request.pending());
    EXPECT_EQ(request.owner(), &comm);
    comm.wait(request);
    EXPECT_FALSE(request.pending());
    comm.wait(request);
  }
  EXPECT_EQ(comm.waited, Tickets{1});
}

TEST(Request, DestructionWaits) {
  SlowCommunicator comm;
  { const Request request = comm.issue(); }
  EXPECT_EQ(comm.waited, Tickets{1});
}

TEST(Request, MovingPassesTheDutyOn) {
  SlowCommunicator comm;
  {
    Request first = comm.issue();
    Request second = std::move(first);
    EXPECT_FALSE(first.pending());  // NOLINT: the test looks at the state after the move
    EXPECT_TRUE(second.pending());
    EXPECT_EQ(second.ticket(), 1U);
  }
  EXPECT_EQ(comm.waited, Tickets{1});
}

TEST(Request, OverwritingWaitsForTheOldCall) {
  SlowCommunicator comm;
  Request request = comm.issue();
  request = comm.issue();
  EXPECT_EQ(comm.waited, Tickets{1});
  EXPECT_EQ(request.ticket(), 2U);
  comm.wait(request);
  EXPECT_EQ(comm.waited, (Tickets{1, 2}));
}

// The rank that failed must not wait for calls that the others may never make, and it must end with
// its own error.
TEST(Request, NobodyWaitsWhileAnExceptionUnwinds) {
  SlowCommunicator comm;
  std::string line;
  try {
    Request first = comm.issue();
    const Request second = comm.issue();
    comm.broken = true;
    comm.wait(first);
  } catch (const RunError& error) {
    line = error.what();
  }
  EXPECT_EQ(line, "all_reduce failed in step 3 of case 1 on rank 0: link down");
  EXPECT_EQ(comm.waited, Tickets{});
  EXPECT_TRUE(comm.is_abandoned);
}

TEST(RequestDeathTest, DestructionEndsTheProcessWhereWaitingFails) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // MPI and Kokkos run their own threads
  EXPECT_EXIT(
      {
        SlowCommunicator comm;
        const Request request = comm.issue();
        comm.broken = true;
      },
      ::testing::ExitedWithCode(3), "all_reduce failed in step 3 of case 1 on rank 0: link down");
}

}  // namespace
}  // namespace tidemark::comm
