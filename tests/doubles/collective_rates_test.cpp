// SPDX-License-Identifier: BSD-3-Clause
// The collectives of NCCL alone. The thread sanitizer reports code that reads the clock or the
// buffers before a call is complete.
#include "bench/collectives/collective_rates.hpp"

#include <chrono>
#include <cstring>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_communicator.hpp"
#include "comm/nccl/nccl_communicator.hpp"
#include "doubles/compute.hpp"

namespace tidemark::bench {
namespace {

BufferPlace place() {
  return {{[](std::size_t bytes) { return doubles::allocate_plainly(bytes); },
           [](void* memory) noexcept { doubles::free_plainly(memory); }},
          [](void* data, std::size_t bytes) { std::memset(data, 0, bytes); },
          [](void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }};
}

TEST(CollectiveRates, OfNcclAreTakenInEveryForm) {
  const doubles::Compute compute;
  std::vector<CollectiveWay> ways;
  ways.push_back(
      {"nccl", comm::make_nccl_communicator(std::make_unique<comm::MpiCommunicator>(
                                                MPI_COMM_WORLD, std::chrono::seconds(60)),
                                            compute.stream(), std::chrono::seconds(60))});
  const auto rates = measure_collectives(ways, place(), {100, 4000}, DType::bf16, 3);
  std::set<std::pair<comm::Operation, bool>> forms;
  for (const CollectiveRate& rate : rates) {
    forms.emplace(rate.operation, rate.in_place);
    EXPECT_EQ(rate.way, "nccl");
    EXPECT_GT(rate.seconds, 0.0);
    EXPECT_FALSE(rate.native_seconds);
  }
  EXPECT_EQ(forms.size(), 5U);
  EXPECT_EQ(rates.size(), 10U);
}

}  // namespace
}  // namespace tidemark::bench
