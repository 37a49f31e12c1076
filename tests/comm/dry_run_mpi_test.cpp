// SPDX-License-Identifier: BSD-3-Clause
// The communicator of a dry run counts what the real one counts, call by call.
#include <array>
#include <chrono>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_communicator.hpp"
#include "comm/wrappers/dry_run.hpp"

namespace tidemark::comm {
namespace {

using namespace std::chrono_literals;

void expect_equal_counts(const Counters& planned, const Counters& real) {
  for (const Operation operation : all_operations) {
    for (const Purpose purpose : all_purposes) {
      const CallStats& expected = real.at(operation, purpose);
      const CallStats& actual = planned.at(operation, purpose);
      EXPECT_EQ(actual.calls, expected.calls) << name_of(operation);
      EXPECT_EQ(actual.message_bytes, expected.message_bytes) << name_of(operation);
      EXPECT_EQ(actual.wire_bytes, expected.wire_bytes) << name_of(operation);
      EXPECT_EQ(actual.seconds, 0.0);
      EXPECT_EQ(actual.blocked_seconds, 0.0);
    }
  }
}

TEST(DryRunCommunicator, CountsWhatMpiCounts) {
  MpiCommunicator real(MPI_COMM_WORLD, 60s);
  DryRunCommunicator planned(real.size());
  EXPECT_EQ(planned.size(), real.size());
  const auto ranks = static_cast<std::size_t>(real.size());
  std::vector<double> block(1000);
  std::vector<double> whole(1000 * ranks);
  std::mt19937 random(5);  // the same on all ranks
  for (int i = 0; i < 200; ++i) {
    const std::size_t count = random() % 4 == 0 ? 0 : random() % 1000;
    const DType dtype = std::array{DType::fp64, DType::fp32, DType::bf16}[random() % 3];
    const Purpose purpose = random() % 2 == 0 ? Purpose::activation : Purpose::gradient;
    const auto operation = all_operations[random() % all_operations.size()];
    for (Communicator* const communicator :
         {static_cast<Communicator*>(&real), static_cast<Communicator*>(&planned)}) {
      Request request;
      switch (operation) {
        case Operation::all_reduce:
          request = communicator->all_reduce(block.data(), count, dtype, purpose);
          break;
        case Operation::all_gather:
          request = communicator->all_gather(block.data(), whole.data(), count, dtype, purpose);
          break;
        case Operation::reduce_scatter:
          request = communicator->reduce_scatter(whole.data(), block.data(), count, dtype, purpose);
          break;
        case Operation::send_recv: {
          const int rank = communicator->rank();
          const int size = communicator->size();
          // A dry run has only one rank, so the partners are those of the real one.
          request = communicator->exchange(block.data(), (rank + 1) % size, whole.data(),
                                           (rank + size - 1) % size, count, dtype, purpose);
          break;
        }
      }
      communicator->wait(request);
    }
    if (i % 50 == 0) expect_equal_counts(planned.counters(), real.counters());
  }
  expect_equal_counts(planned.counters(), real.counters());
  EXPECT_EQ(planned.counters().total(Purpose::gradient).calls +
                planned.counters().total(Purpose::activation).calls,
            200);
  planned.reset_counters();
  EXPECT_EQ(planned.counters().total(Purpose::activation).calls, 0);
}

TEST(DryRunCommunicator, TouchesNoBuffer) {
  DryRunCommunicator planned(4);
  auto* const nowhere = reinterpret_cast<void*>(std::uintptr_t{4096});
  Request request =
      planned.all_reduce(nowhere, std::size_t{1} << 30, DType::fp32, Purpose::activation);
  request =
      planned.all_gather(nowhere, nowhere, std::size_t{1} << 40, DType::bf16, Purpose::activation);
  request = planned.reduce_scatter(nowhere, nowhere, 3, DType::fp64, Purpose::gradient);
  planned.wait(request);
  const CallStats& gather = planned.counters().at(Operation::all_gather, Purpose::activation);
  EXPECT_EQ(gather.message_bytes, std::int64_t{8} << 40);
  EXPECT_EQ(gather.wire_bytes, std::int64_t{6} << 40);
}

TEST(DryRunCommunicator, IsRankZeroAndLeavesValuesAsTheyAre) {
  DryRunCommunicator planned(3);
  EXPECT_EQ(planned.rank(), 0);
  EXPECT_EQ(planned.name(), "dry run");
  std::array values{1.5, -2.0};
  planned.sum_over_ranks(values);
  planned.max_over_ranks(values);
  planned.min_over_ranks(values);
  planned.barrier();
  EXPECT_EQ(values, (std::array{1.5, -2.0}));
  EXPECT_EQ(planned.broadcast_bytes("ab"), "ab");
  EXPECT_EQ(planned.gather_bytes("ab"), (std::vector<std::string>{"ab", "ab", "ab"}));
}

}  // namespace
}  // namespace tidemark::comm
