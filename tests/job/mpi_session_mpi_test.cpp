// SPDX-License-Identifier: BSD-3-Clause
#include <mpi.h>

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "comm/factory.hpp"
#include "job/mpi_session.hpp"

namespace tidemark::job {
namespace {

TEST(MpiSession, JoinsARunningMpiAndLeavesItRunning) {
  { const MpiSession session(MpiThreads::serialized); }
  int finalized = -1;
  MPI_Finalized(&finalized);
  EXPECT_EQ(finalized, 0);
}

TEST(MpiSession, DescribesThisProcess) {
  const MpiSession session;
  int rank = -1;
  int size = -1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  EXPECT_EQ(session.rank(), rank);
  EXPECT_EQ(session.size(), size);
  EXPECT_GE(session.local_rank(), 0);
  EXPECT_LT(session.local_rank(), session.local_size());
  EXPECT_LE(session.local_size(), size);
  EXPECT_FALSE(session.processor_name().empty());
  EXPECT_FALSE(session.library_version().empty());
  EXPECT_EQ(session.library_version().find_first_of("\n\t"), std::string::npos);
}

TEST(MpiSession, LocalRanksOfANodeAreDistinct) {
  const MpiSession session;
  const auto comm =
      comm::make_communicator({.backend = comm::Backend::mpi, .ranks = session.size()});
  const std::string mine = session.processor_name() + ":" + std::to_string(session.local_rank());
  const std::vector<std::string> all = comm->gather_bytes(mine);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) EXPECT_NE(all[i], all[k]);
  }
}

TEST(CommunicatorFactory, TakesMpiForSeveralRanks) {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const auto comm = comm::make_communicator({.backend = comm::Backend::automatic, .ranks = size});
  EXPECT_EQ(comm->name(), size == 1 ? "self" : "mpi");
  EXPECT_EQ(comm->size(), size);
  // A self communicator has one rank, whatever the size of the job.
  EXPECT_EQ(comm::make_self_communicator()->size(), 1);
}

TEST(CommunicatorFactory, RefusesAnotherNumberOfRanksThanTheJobHas) {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  EXPECT_THROW(
      (void)comm::make_communicator({.backend = comm::Backend::automatic, .ranks = size + 1}),
      InputError);
  EXPECT_THROW((void)comm::make_communicator({.backend = comm::Backend::mpi, .ranks = 2 * size}),
               InputError);
}

}  // namespace
}  // namespace tidemark::job
