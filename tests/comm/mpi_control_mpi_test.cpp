// SPDX-License-Identifier: BSD-3-Clause
// The control operations of MpiCommunicator, and the errors of all its calls.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "comm/mpi/mpi_communicator.hpp"

namespace tidemark::comm {
namespace {

using namespace std::chrono_literals;

class MpiControl : public ::testing::Test {
 protected:
  MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
  int ranks_ = comm_.size();
};

TEST_F(MpiControl, RanksAreThoseOfTheWorld) {
  int rank = -1;
  int size = -1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  EXPECT_EQ(comm_.rank(), rank);
  EXPECT_EQ(comm_.size(), size);
  EXPECT_EQ(comm_.name(), "mpi");
}

TEST_F(MpiControl, MaximumMinimumAndSum) {
  const double r = comm_.rank();
  const double last = ranks_ - 1;
  std::vector<double> values{r, -r, 7.0};
  comm_.max_over_ranks(values);
  EXPECT_EQ(values, (std::vector<double>{last, 0.0, 7.0}));
  values = {r, -r, 7.0};
  comm_.min_over_ranks(values);
  EXPECT_EQ(values, (std::vector<double>{0.0, -last, 7.0}));
  values = {r, 1.0, 0.5};
  comm_.sum_over_ranks(values);
  EXPECT_EQ(values, (std::vector<double>{last * (last + 1) / 2, last + 1, 0.5 * (last + 1)}));
  values.clear();
  comm_.sum_over_ranks(values);
  EXPECT_TRUE(values.empty());
}

TEST_F(MpiControl, NotANumberOnAnyRankShowsOnAll) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (int source = 0; source < ranks_; ++source) {
    std::vector<double> highest{comm_.rank() == source ? nan : 1.0};
    std::vector<double> lowest = highest;
    comm_.max_over_ranks(highest);
    comm_.min_over_ranks(lowest);
    EXPECT_TRUE(std::isnan(highest[0])) << "from rank " << source;
    EXPECT_TRUE(std::isnan(lowest[0])) << "from rank " << source;
  }
}

TEST_F(MpiControl, SumsAreEqualOnAllRanksToTheBit) {
  std::vector<double> sum(100);
  for (std::size_t i = 0; i < sum.size(); ++i) {
    sum[i] = std::sin(static_cast<double>(i) + 1000.0 * comm_.rank());
  }
  comm_.sum_over_ranks(sum);
  std::vector<double> highest = sum;
  std::vector<double> lowest = sum;
  comm_.max_over_ranks(highest);
  comm_.min_over_ranks(lowest);
  EXPECT_EQ(highest, lowest);
  EXPECT_EQ(highest, sum);
}

TEST_F(MpiControl, BroadcastTakesTheRootsBytes) {
  const std::string message("a\0b", 3);
  for (int root = 0; root < ranks_; ++root) {
    const std::string mine = comm_.rank() == root ? message : "something longer than that";
    EXPECT_EQ(comm_.broadcast_bytes(mine, root), message);
  }
  EXPECT_EQ(comm_.broadcast_bytes(""), "");
}

TEST_F(MpiControl, GatherTakesBytesOfAnyLength) {
  const auto bytes_of = [](int rank) {
    return std::string(static_cast<std::size_t>(3 * rank), static_cast<char>('a' + rank % 26));
  };
  const std::vector<std::string> all = comm_.gather_bytes(bytes_of(comm_.rank()));
  ASSERT_EQ(all.size(), static_cast<std::size_t>(ranks_));
  for (int r = 0; r < ranks_; ++r) EXPECT_EQ(all[static_cast<std::size_t>(r)], bytes_of(r));
}

TEST_F(MpiControl, IsNotCountedAsTraffic) {
  std::vector<double> values{1.0};
  comm_.barrier();
  comm_.max_over_ranks(values);
  (void)comm_.broadcast_bytes("abc");
  (void)comm_.gather_bytes("abc");
  EXPECT_EQ(comm_.counters().total(Purpose::activation).calls, 0);
  EXPECT_EQ(comm_.counters().total(Purpose::gradient).calls, 0);
}

/// The line of the RunError that `call` throws; empty if it throws none.
template <class Call>
std::string error_of(const Call& call) {
  try {
    call();
  } catch (const RunError& error) {
    return error.what();
  }
  return {};
}

TEST_F(MpiControl, FailedCallNamesOperationContextAndRank) {
  comm_.set_context("step 3 of case 1");
  const std::string line = error_of([&] { (void)comm_.broadcast_bytes("abc", ranks_); });
  const std::string expected =
      "broadcast_bytes failed in step 3 of case 1 on rank " + std::to_string(comm_.rank()) + ": ";
  EXPECT_EQ(line.substr(0, expected.size()), expected);
  EXPECT_GT(line.size(), expected.size());
  comm_.barrier();  // still usable
}

#if MPI_VERSION < 4
TEST_F(MpiControl, CallsBeyondTheLibrarysCountsAreRefused) {
  const std::string rank = std::to_string(comm_.rank());
  const std::size_t beyond = std::size_t{1} << 31;
  float dummy[2] = {};
  // Nothing accesses them.
  auto* const far = reinterpret_cast<float*>(std::uintptr_t{1} << 20);
  EXPECT_EQ(
      error_of([&] { (void)comm_.all_reduce(dummy, beyond, DType::fp32, Purpose::activation); }),
      "all_reduce failed in set-up on rank " + rank +
          ": 2147483648 elements are more than this library of MPI " + std::to_string(MPI_VERSION) +
          "." + std::to_string(MPI_SUBVERSION) +
          " takes in a call, 2147483647; comm.algorithm: pairwise or ring cuts them");
  const std::size_t block = beyond / static_cast<std::size_t>(ranks_) + 1;
  EXPECT_NE(
      error_of([&] { (void)comm_.all_gather(dummy, far, block, DType::fp32, Purpose::activation); })
          .find("all_gather failed in set-up on rank " + rank + ": " +
                std::to_string(block * static_cast<std::size_t>(ranks_)) + " elements"),
      std::string::npos);
  EXPECT_NE(error_of([&] {
              (void)comm_.reduce_scatter(far, dummy, block, DType::fp32, Purpose::activation);
            }).find("elements are more than this library"),
            std::string::npos);
  EXPECT_EQ(comm_.counters().total(Purpose::activation).calls, 0);
}
#endif

TEST_F(MpiControl, OverlappingBuffersAreRefused) {
  std::vector<double> whole(4 * static_cast<std::size_t>(ranks_) + 1);
  const std::string suffix =
      " failed in set-up on rank " + std::to_string(comm_.rank()) + ": the buffers overlap";
  EXPECT_EQ(error_of([&] {
              (void)comm_.all_gather(whole.data() + 4 * comm_.rank() + 1, whole.data(), 4,
                                     DType::fp64, Purpose::activation);
            }),
            "all_gather" + suffix);
  EXPECT_EQ(error_of([&] {
              (void)comm_.reduce_scatter(whole.data(), whole.data() + 1, 4, DType::fp64,
                                         Purpose::activation);
            }),
            "reduce_scatter" + suffix);
}

TEST(MpiCommunicator, LeavesItsParentsErrorHandlerAlone) {
  MPI_Errhandler before = MPI_ERRHANDLER_NULL;
  MPI_Errhandler after = MPI_ERRHANDLER_NULL;
  MPI_Comm_get_errhandler(MPI_COMM_WORLD, &before);
  { const MpiCommunicator comm(MPI_COMM_WORLD, 60s); }
  MPI_Comm_get_errhandler(MPI_COMM_WORLD, &after);
  EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace tidemark::comm
