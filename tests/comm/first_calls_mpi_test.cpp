// SPDX-License-Identifier: BSD-3-Clause
// Calls of every kind, to every rank. They leave no trace in the counters.
#include <chrono>
#include <cstdint>
#include <map>

#include <gtest/gtest.h>

#include "comm/algorithms/memory_block.hpp"
#include "comm/first_calls.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "support/passing_communicator.hpp"

namespace tidemark::comm {
namespace {

using std::chrono_literals::operator""s;

int blocks = 0;
void* allocate(std::size_t bytes) {
  ++blocks;
  return host_memory.allocate(bytes);
}
void release(void* memory) noexcept {
  --blocks;
  host_memory.release(memory);
}

/// Records the calls that it gets.
class Noting final : public support::PassingCommunicator {
 public:
  using PassingCommunicator::PassingCommunicator;
  [[nodiscard]] Request post(const Call& call) override {
    if (call.operation == Operation::send_recv) {
      ++sent[call.to];
    } else {
      ++calls[call.operation];
    }
    return inner_.post(call);
  }
  std::map<Operation, int> calls;
  std::map<int, int> sent;  ///< by rank
};

TEST(FirstCalls, AreOfEveryKindAndToEveryRank) {
  MpiCommunicator inner(MPI_COMM_WORLD, 60s);
  Noting comm(inner);
  carry_out_first_calls(comm, {allocate, release});
  const bool alone = comm.size() == 1;
  for (const Operation operation :
       {Operation::all_reduce, Operation::all_gather, Operation::reduce_scatter}) {
    EXPECT_EQ(comm.calls[operation], alone ? 0 : 2) << name_of(operation);
  }
  EXPECT_EQ(comm.sent.size(), static_cast<std::size_t>(comm.size() - 1));
  for (const auto& [rank, count] : comm.sent) {
    EXPECT_NE(rank, comm.rank());
    EXPECT_EQ(count, 2);
  }
  for (const Purpose purpose : all_purposes) {
    EXPECT_EQ(comm.counters().total(purpose).calls, 0);
  }
  EXPECT_EQ(blocks, 0) << "what was allocated has been given back";
}

}  // namespace
}  // namespace tidemark::comm
