// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "bench/case/capacity.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "support/cases.hpp"

namespace tidemark::bench {
namespace {

using namespace std::chrono_literals;

TEST(Capacity, RefusesOnAllRanksWhenOneNodeHasTooLittle) {
  comm::MpiCommunicator comm(MPI_COMM_WORLD, 60s);
  const config::Case c = support::small_case(comm.size(), false);
  const std::int64_t enough = required_bytes(c) * comm.size();
  EXPECT_NO_THROW(require_capacity(c, {enough, comm.size()}, comm));
  EXPECT_NO_THROW(require_capacity(c, {std::nullopt, comm.size()}, comm));
  // Only the node of the last rank has too little memory, but every rank must know.
  const std::int64_t available = comm.rank() == comm.size() - 1 ? enough - 1 : enough;
  try {
    require_capacity(c, {available, comm.size()}, comm);
    ADD_FAILURE() << "nothing was refused";
  } catch (const RunError& error) {
    EXPECT_EQ(error.scope(), Scope::all_ranks);
    EXPECT_EQ(error.status(), ExitStatus::failed);
    EXPECT_NE(std::string(error.what()).find("GiB available"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace tidemark::bench
